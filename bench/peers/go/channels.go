// SPDX-License-Identifier: MIT
//
// The rows buffered, buffered-many and select of the Go peer, as in bench/causeway/channels.cc.
package main

const (
	room = 128
	many = 8
)

// count producers send rounds values to as many consumers, through one channel with room for 128.
func throughRoom(count, rounds int) {
	channel := make(chan int, room)
	taken := make(chan int, count)
	for range count {
		go func() {
			mine := 0
			for range channel {
				mine++
			}
			taken <- mine
		}()
	}
	inShares(count, rounds, func(share int) {
		for i := range share {
			channel <- i
		}
	})
	close(channel)
	sum := 0
	for range count {
		sum += <-taken
	}
	mustBe(sum, rounds)
}

func buffered(rounds int)     { throughRoom(1, rounds) }
func bufferedMany(rounds int) { throughRoom(many, rounds) }

// One round: a value comes out of a select over four channels without room, to which one producer sends in turn.
func selectOfFour(rounds int) {
	channels := [4]chan int{make(chan int), make(chan int), make(chan int), make(chan int)}
	go func() {
		for i := range rounds {
			channels[i%len(channels)] <- i
		}
	}()
	sum := 0
	for range rounds {
		select {
		case value := <-channels[0]:
			sum += value
		case value := <-channels[1]:
			sum += value
		case value := <-channels[2]:
			sum += value
		case value := <-channels[3]:
			sum += value
		}
	}
	mustBe(sum, rounds*(rounds-1)/2)
}
