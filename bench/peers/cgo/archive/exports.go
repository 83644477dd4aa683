// SPDX-License-Identifier: MIT
//
// The Go side of the rows of calls: an archive (-buildmode=c-archive) whose exported functions a C++ host calls, ../host.cc.
// Go runs with its defaults; only GOMAXPROCS is set where a row says how many processors there are.
package main

import "C"

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// goNext is what C calls: it adds one, as its counterpart in bench/causeway/calls_in.cc.
//
//export goNext
func goNext(value C.int) C.int { return value + 1 }

//export goSetProcessors
func goSetProcessors(count C.int) { runtime.GOMAXPROCS(int(count)) }

var (
	over  atomic.Bool
	ended sync.WaitGroup
)

// goStartHogs starts goroutines that only compute until goEndHogs.
//
//export goStartHogs
func goStartHogs(count C.int) {
	for range int(count) {
		ended.Go(func() {
			for !over.Load() {
			}
		})
	}
}

//export goEndHogs
func goEndHogs() {
	over.Store(true)
	ended.Wait()
}

// onGoroutine runs work on a goroutine of its own, as a Go program would, and waits for it.
func onGoroutine(work func()) {
	done := make(chan struct{})
	go func() {
		work()
		close(done)
	}()
	<-done
}

//export goCallOut
func goCallOut(rounds C.ulonglong) { onGoroutine(func() { callOut(uint64(rounds)) }) }

//export goNested
func goNested(rounds C.ulonglong) { onGoroutine(func() { nested(uint64(rounds)) }) }

func main() {}
