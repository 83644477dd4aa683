// SPDX-License-Identifier: MIT
//
// Row stop/two-busy of the Go peer, as in bench/causeway/stops.cc. The stop is the one that a change of GOMAXPROCS needs, the lightest that a program can ask
// for. Its pause is the runtime's own account, from the decision until the world may go on, before it wakes anybody. That counts in buckets, a quarter of
// their lower end wide; what is in one is taken to be spread over it.
package main

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

const pauseMetric = "/sched/pauses/total/other:seconds"

func pauseCounts() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: pauseMetric}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

func stop(r run) {
	const busy = 2
	settling, watching := 500*time.Millisecond, 6*time.Second
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
	var calls []int64
	rest := uint64(1) // class Rest of bench/common/probe.hpp
	for i := 1; time.Now().Before(end); i++ {
		rest = rest*6364136223846793005 + 1442695040888963407
		time.Sleep(time.Duration(100_000 + (rest>>33)%7_900_000))
		start := time.Now()
		runtime.GOMAXPROCS(processors + i%2)
		calls = append(calls, int64(time.Since(start)))
	}
	after := pauseCounts()
	over.Store(true)
	ended.Wait()
	var pauses []int64
	for i := range after.Counts {
		n := after.Counts[i] - before.Counts[i]
		low := max(after.Buckets[i], 0)
		width := after.Buckets[i+1] - low
		for k := range n {
			pauses = append(pauses, int64((low+width*(float64(k)+0.5)/float64(n))*1e9))
		}
	}
	p50, p99 := percentiles(calls)
	pauseP50, pauseP99 := percentiles(pauses)
	report(r, p50, 0, field{"p50_ns", p50}, field{"p99_ns", p99}, field{"pause_p50_ns", pauseP50}, field{"pause_p99_ns", pauseP99})
}
