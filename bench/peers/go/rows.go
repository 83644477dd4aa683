// SPDX-License-Identifier: MIT
//
// The rows yield to churn of the Go peer, and the table of all of them. Each does what the row of the same name in bench/causeway does, in the way a Go program would.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Two goroutines that do nothing but yield; one round is one yield.
func yield(rounds int) {
	var ended sync.WaitGroup
	for range 2 {
		ended.Go(func() {
			for range rounds / 2 {
				runtime.Gosched()
			}
		})
	}
	ended.Wait()
}

// One round: a value goes to the other goroutine and comes back, over two unbuffered channels.
func pingPong(rounds int) {
	there, back := make(chan int), make(chan int)
	var ended sync.WaitGroup
	ended.Go(func() {
		for value := range there {
			back <- value
		}
	})
	ended.Go(func() {
		for i := range rounds {
			there <- i
			if <-back != i {
				panic("a value was lost")
			}
		}
		close(there)
	})
	ended.Wait()
}

const batch = 1000

//go:noinline
func nothing() {}

// One round: one goroutine started and joined, in batches of 1000. The join is a WaitGroup, as Go programs do it.
func spawnJoin(rounds int) {
	for done := 0; done < rounds; done += batch {
		var ended sync.WaitGroup
		ended.Add(batch)
		for range batch {
			go func() {
				nothing()
				ended.Done()
			}()
		}
		ended.Wait()
	}
}

// Starts goroutines that all wait for one event, and waits until every one has run to its wait.
func parked(r run) {
	count := 1_000_000
	if r.smoke {
		count = 2000
	}
	event := make(chan struct{})
	var started, ended atomic.Int64
	before := residentBytes()
	start := time.Now()
	for range count {
		go func() {
			started.Add(1)
			<-event
			ended.Add(1)
		}()
	}
	for started.Load() != int64(count) {
		runtime.Gosched()
	}
	taken := time.Since(start)
	bytes := residentBytes() - before
	close(event)
	for ended.Load() != int64(count) {
		runtime.Gosched()
	}
	report(r, float64(taken.Nanoseconds())/float64(count), float64(bytes)/float64(count))
}

// Spawns and ends ten million goroutines, 100 alive at any time; bytes is the largest growth after the first hundredth.
func churn(r run) {
	count := 10_000_000
	if r.smoke {
		count = 20_000
	}
	const alive = 100
	ended := make(chan struct{}, alive)
	for range alive {
		ended <- struct{}{}
	}
	var atFirst, growth int64
	start := time.Now()
	for i := 1; i <= count; i++ {
		<-ended
		go func() {
			runtime.Gosched()
			ended <- struct{}{}
		}()
		if i%(count/100) == 0 {
			now := residentBytes()
			if i == count/100 {
				atFirst = now
			}
			growth = max(growth, now-atFirst)
		}
	}
	for range alive {
		<-ended
	}
	report(r, float64(time.Since(start).Nanoseconds())/float64(count), float64(growth))
}

// A row that is one timed loop: work(rounds), rounds a multiple of step.
func loop(step int, work func(rounds int)) func(run) {
	return func(r run) { report(r, nsPerRound(r, step, work), 0) }
}

//go:noinline
func deeper(pipe chan int, calls int) int {
	if calls == 0 {
		return <-pipe
	}
	return deeper(pipe, calls-1) + 1
}

// 10 000 goroutines wait in one channel below ten calls; one round is one traceback of all of them.
func traceback(r run) {
	count, rounds := 10_000, 10
	if r.smoke {
		count, rounds = 200, 2
	}
	pipe := make(chan int)
	var begun atomic.Int64
	for range count {
		go func() {
			begun.Add(1)
			deeper(pipe, 10)
		}()
	}
	for begun.Load() != int64(count) {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Millisecond) // the last ones are at the channel
	text := make([]byte, 64<<20)
	start := time.Now()
	size := runtime.Stack(text, true)
	first := time.Since(start)
	best := time.Hour
	for range rounds {
		from := time.Now()
		if runtime.Stack(text, true) < size/2 {
			panic("a traceback was cut")
		}
		best = min(best, time.Since(from))
	}
	each := float64(count)
	report(r, float64(best.Nanoseconds())/each, float64(size)/each, field{"first_ns", float64(first.Nanoseconds()) / each})
}

var rows = map[string]func(run){
	"yield":         loop(2, yield),
	"ping-pong":     loop(1, pingPong),
	"spawn-join":    loop(batch, spawnJoin),
	"buffered":      loop(1, buffered),
	"buffered-many": loop(many, bufferedMany),
	"mutex":         loop(threads, mutexHeld),
	"mutex-brief":   loop(threads, mutexBrief),
	"semaphore":     loop(threads, semaphore),
	"select":        loop(1, selectOfFour),
	"sleepers":      sleepers,
	"ready-run":     readyRun,
	"echo-server":   echoServer,
	"parked":        parked,
	"churn":         churn,
	"stop":          stop,
	"traceback":     traceback,
}

func main() {
	r := parse()
	measure, found := rows[r.subject]
	if !found {
		fmt.Fprintln(os.Stderr, "this program has no row", r.row)
		os.Exit(2)
	}
	measure(r)
}
