// SPDX-License-Identifier: MIT
module causeway.bench/peer

go 1.26
