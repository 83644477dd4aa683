// SPDX-License-Identifier: MIT
//
// The Go peer: its arguments, the timed loop, resident memory and the line it prints. Twin of bench/common/bench.hpp: the same
// growth of counts, the same targets, the same fields. Go runs with its defaults (garbage collector on); only GOMAXPROCS is set.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// One run: `PROGRAM SUBJECT/VARIANT [--smoke]`.
type run struct {
	row, subject, variant string
	smoke                 bool
}

func parse() run {
	var r run
	for _, argument := range os.Args[1:] {
		if argument == "--smoke" {
			r.smoke = true
		} else {
			r.row = argument
		}
	}
	var found bool
	r.subject, r.variant, found = strings.Cut(r.row, "/")
	if !found {
		fmt.Fprintln(os.Stderr, "usage: SUBJECT/VARIANT [--smoke]")
		os.Exit(2)
	}
	if r.variant == "one-p" {
		runtime.GOMAXPROCS(1)
	}
	return r
}

// nsPerRound times work(count), which performs count rounds: trials grow to 20 ms, then one run of about 400 ms counts.
func nsPerRound(r run, step int, work func(count int)) float64 {
	const trial, target = 20 * time.Millisecond, 400 * time.Millisecond
	count := step
	var taken time.Duration
	for {
		start := time.Now()
		work(count)
		taken = time.Since(start)
		if taken >= trial || (r.smoke && count >= 16*step) {
			break
		}
		count *= 4
	}
	if !r.smoke {
		count = max(step, int(float64(count)*float64(target)/float64(taken))/step*step)
		start := time.Now()
		work(count)
		taken = time.Since(start)
	}
	return float64(taken.Nanoseconds()) / float64(count)
}

// residentBytes is resident memory with its page tables, from /proc/self/status.
func residentBytes() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	var sum int64
	for _, line := range strings.Split(string(text), "\n") {
		key, rest, _ := strings.Cut(line, ":")
		if key == "VmRSS" || key == "VmPTE" {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			sum += kib * 1024
		}
	}
	return sum
}

// field is one more number of a row, beside ns and bytes.
type field struct {
	name  string
	value float64
}

func report(r run, ns, bytes float64, more ...field) {
	fmt.Printf("{\"row\":\"%s\",\"peer\":\"go\",\"ns\":%.3f,\"bytes\":%.1f", r.row, ns, bytes)
	for _, f := range more {
		fmt.Printf(",\"%s\":%.3f", f.name, f.value)
	}
	fmt.Println("}")
}
