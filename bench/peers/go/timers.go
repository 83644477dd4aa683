// SPDX-License-Identifier: MIT
//
// The rows sleepers and ready-run of the Go peer, as in bench/causeway/sleepers.cc and ready_run.cc.
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// percentiles by nearest rank, as in bench/common/latency.hpp.
func percentiles(times []int64) (p50, p99 float64) {
	if len(times) == 0 {
		return 0, 0
	}
	slices.Sort(times)
	at := func(percent int) float64 { return float64(times[(len(times)*percent+99)/100-1]) }
	return at(50), at(99)
}

func reportLatency(r run, times []int64) {
	p50, p99 := percentiles(times)
	report(r, p50, 0, field{"p50_ns", p50}, field{"p99_ns", p99})
}

// One round of row sleepers: lateness[i] of sleeper i.
func sleepOnce(r run, lateness []int64) {
	const stride = 7919
	ahead, span := 500*time.Millisecond, time.Second
	if r.smoke {
		ahead, span = 20*time.Millisecond, 20*time.Millisecond
	}
	count := len(lateness)
	first := time.Now().Add(ahead)
	step := span / time.Duration(count)
	var group sync.WaitGroup
	group.Add(count)
	for i := range count {
		deadline := first.Add(step * time.Duration(i*stride%count))
		go func() {
			time.Sleep(time.Until(deadline))
			lateness[i] = int64(time.Since(deadline))
			group.Done()
		}()
	}
	if time.Now().After(first) && !r.smoke {
		fmt.Fprintln(os.Stderr, "starting the sleepers took more than 500 ms")
		os.Exit(1)
	}
	group.Wait()
}

func sleepers(r run) {
	count := 100_000
	if r.smoke {
		count = 1000
	}
	lateness := make([]int64, 3*count)
	for round := range 3 {
		sleepOnce(r, lateness[round*count:(round+1)*count])
	}
	reportLatency(r, lateness)
}

const (
	hogs  = 8
	pause = time.Millisecond
)

func byTimer(end time.Time) (times []int64) {
	for time.Now().Before(end) {
		deadline := time.Now().Add(pause)
		time.Sleep(time.Until(deadline))
		times = append(times, int64(time.Since(deadline)))
	}
	return times
}

func byChannel(end time.Time) (times []int64) {
	channel := make(chan time.Time)
	go func() {
		for time.Now().Before(end) {
			time.Sleep(pause)
			channel <- time.Now()
		}
		close(channel)
	}()
	for sent := range channel {
		times = append(times, int64(time.Since(sent)))
	}
	return times
}

// Beside eight goroutines that only compute: from ready to running.
func readyRun(r run) {
	settling, watching := 500*time.Millisecond, 3*time.Second
	if r.smoke {
		settling, watching = 10*time.Millisecond, 50*time.Millisecond
	}
	runtime.GOMAXPROCS(2)
	var over atomic.Bool
	var ended sync.WaitGroup
	for range hogs {
		ended.Go(func() {
			for !over.Load() {
			}
		})
	}
	time.Sleep(settling)
	probe := byTimer
	if r.variant == "channel" {
		probe = byChannel
	}
	times := probe(time.Now().Add(watching))
	over.Store(true)
	ended.Wait()
	reportLatency(r, times)
}
