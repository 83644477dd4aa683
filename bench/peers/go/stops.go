// SPDX-License-Identifier: MIT
//
// Row stop/two-busy of the Go peer, as in bench/causeway/stops.cc. The stop is the one that a change of GOMAXPROCS needs, the lightest that a program can ask
// for; its length, from the decision until the world goes on, is the runtime's own account (lower ends of its buckets).
package main

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const pauses = "/sched/pauses/total/other:seconds"

func pauseCounts() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: pauses}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

func stop(r run) {
	const rest, busy = 100 * time.Microsecond, 2
	settling, watching := 500*time.Millisecond, 3*time.Second
	if r.smoke {
		settling, watching = 10*time.Millisecond, 50*time.Millisecond
	}
	const processors = busy + 1 // who stops needs one too; the CPUs are two
	runtime.GOMAXPROCS(processors)
	var over atomic.Bool
	var ended sync.WaitGroup
	for range busy {
		ended.Go(func() {
			for !over.Load() {
			}
		})
	}
	time.Sleep(settling)
	before := pauseCounts()
	end := time.Now().Add(watching)
	for i := 1; time.Now().Before(end); i++ {
		time.Sleep(rest)
		runtime.GOMAXPROCS(processors + i%2)
	}
	after := pauseCounts()
	over.Store(true)
	ended.Wait()
	var times []int64
	for i := range after.Counts {
		for range after.Counts[i] - before.Counts[i] {
			times = append(times, int64(max(after.Buckets[i], 0)*1e9))
		}
	}
	reportLatency(r, times)
}
