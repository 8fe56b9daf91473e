package fleet

import "time"

// A scenario is what happens to the instances from faultBegins on.
type scenario struct {
	name string
	set  func(*world)
}

func scenarios() []scenario {
	return []scenario{
		{"no fault", func(*world) {}},
		{"one is 10 times slower", func(w *world) { w.instances[0].slowed(faultBegins, faultEnds, 10) }},
		{"one is killed, and back after 15 s", func(w *world) {
			w.instances[0].killed = []span{{faultBegins, faultEnds}}
		}},
		{"one answers at once, with errors", func(w *world) {
			w.instances[0].failing = []span{{faultBegins, faultEnds}}
		}},
		{"each pauses 300 ms every 3 s", func(w *world) {
			for n, i := range w.instances {
				for at := faultBegins + 3*time.Second*time.Duration(n)/time.Duration(len(w.instances)); at < loadEnds; at += 3 * time.Second {
					i.pauses = append(i.pauses, span{at, at + 300*time.Millisecond})
				}
			}
		}},
		{"one of five is 4 times slower", func(w *world) {
			for n, i := range w.instances {
				if n%5 == 0 {
					i.slowed(faultBegins, faultEnds, 4)
				}
			}
		}},
		{"all are replaced, a tenth at a time", deploy},
		{"the registry loses two thirds of the list", func(w *world) {
			for at := faultBegins; at < faultEnds; at += 3 * time.Second {
				w.without(at, func(i *instance) bool { return i.number%3 != 0 })
				w.without(at+1500*time.Millisecond, func(*instance) bool { return false })
			}
		}},
		{"all stand still for 3 s", func(w *world) {
			const still = 3 * time.Second
			for _, i := range w.instances {
				i.pauses = []span{{faultBegins, faultBegins + still}}
				i.slowed(faultBegins+still, faultBegins+still+2*time.Second, 1.5) // cold caches
			}
		}},
	}
}

// deploy replaces a tenth of the instances at a time: they finish their calls and end, the registry says so half a second later; two
// seconds later they run again, at first slowly.
func deploy(w *world) {
	const every, away, delay, cold = 1500 * time.Millisecond, 2 * time.Second, 500 * time.Millisecond, 3 * time.Second
	from := func(batch int) time.Duration { return faultBegins + time.Duration(batch)*every }
	for _, i := range w.instances {
		at := from(i.number % 10)
		i.stopped = []span{{at, at + away}}
		i.slowed(at+away, at+away+cold, 3)
		i.started = at + away
	}
	for step := delay; step <= from(9)-faultBegins+away+delay; step += delay {
		now := faultBegins + step
		w.without(now, func(i *instance) bool { return in(i.stopped, now-delay) })
	}
}
