// SPDX-License-Identifier: MIT
//
// The rows mutex and semaphore of the Go peer, as in bench/causeway/locks.cc.
package main

import (
	"runtime"
	"sync"
)

const threads = 100

// inShares runs body(share) on count goroutines that share the rounds evenly, and waits for all of them.
func inShares(count, rounds int, body func(share int)) {
	var ended sync.WaitGroup
	for range count {
		ended.Go(func() { body(rounds / count) })
	}
	ended.Wait()
}

func mustBe(found, wanted int) {
	if found != wanted {
		panic("a round was lost")
	}
}

// One round: lock, bump, unlock.
func mutexBrief(rounds int) {
	var mutex sync.Mutex
	number := 0
	inShares(threads, rounds, func(share int) {
		for range share {
			mutex.Lock()
			number++
			mutex.Unlock()
		}
	})
	mustBe(number, rounds)
}

// One round: lock, bump, yield, unlock.
func mutexHeld(rounds int) {
	var mutex sync.Mutex
	number := 0
	inShares(threads, rounds, func(share int) {
		for range share {
			mutex.Lock()
			number++
			runtime.Gosched()
			mutex.Unlock()
		}
	})
	mustBe(number, rounds)
}

// One round: acquire, yield, release. A buffered channel is the semaphore of Go's standard library.
func semaphore(rounds int) {
	places := make(chan struct{}, 4)
	inShares(threads, rounds, func(share int) {
		for range share {
			places <- struct{}{}
			runtime.Gosched()
			<-places
		}
	})
}
