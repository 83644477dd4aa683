// SPDX-License-Identifier: MIT
module causeway.bench/cgo

go 1.26
