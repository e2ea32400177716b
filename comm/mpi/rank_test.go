//go:build linux && (amd64 || arm64)

package mpi_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/commtest"
	"github.com/wigner-md/wigner/comm/hybrid"
	"github.com/wigner-md/wigner/comm/mpi"
)

// This file is the program that the tests start under mpirun: the test binary
// itself, with the name of a program in this variable.
const programVariable = "WIGNER_MPI_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		os.Exit(rankMain(name))
	}
	code := m.Run()
	for _, dir := range cleanUp {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

var errTest = errors.New("the error of the test")

// program runs on every rank. Its text comes from every rank on success.
type program struct {
	options mpi.Options
	f       func(c *mpi.Comm) (string, error)
}

var programs = map[string]program{
	"check": {f: func(c *mpi.Comm) (string, error) { return "checked", commtest.Check(c) }},
	"split": {mpi.Options{MaxMessage: 1000}, func(c *mpi.Comm) (string, error) {
		return "checked", commtest.Check(c)
	}},
	"gc":           {f: collect},
	"exchanges":    {f: exchanges},
	"heap":         {f: heapBuffers},
	"one fails":    {f: func(c *mpi.Comm) (string, error) { return "", lastFails(c, waitReduce) }},
	"exchange":     {f: func(c *mpi.Comm) (string, error) { return "", lastFails(c, waitExchange) }},
	"panic":        {f: func(c *mpi.Comm) (string, error) { return "", lastPanics(c) }},
	"abort":        {f: func(c *mpi.Comm) (string, error) { return "", lastAborts(c) }},
	"all fail":     {f: func(*mpi.Comm) (string, error) { return "", errTest }},
	"any error":    {f: anyError},
	"early return": {f: earlyReturn},
	"short":        {f: func(c *mpi.Comm) (string, error) { return "", wrongLength(c, 100, 200) }},
	"long":         {f: func(c *mpi.Comm) (string, error) { return "", wrongLength(c, 200, 100) }},
	"long, large":  {f: func(c *mpi.Comm) (string, error) { return "", wrongLength(c, 2<<20, 1<<20) }},
	"under way":    {f: func(c *mpi.Comm) (string, error) { return "", underWay(c, errTest) }},
	"returns":      {f: func(c *mpi.Comm) (string, error) { return "", underWay(c, nil) }},
	"bricks under way": {f: func(c *mpi.Comm) (string, error) {
		return "", hybrid.Run(c, twelve(c), func(b comm.Comm) error { return underWay(b, errTest) })
	}},
	"bricks return": {f: func(c *mpi.Comm) (string, error) {
		return "", hybrid.Run(c, twelve(c), func(b comm.Comm) error { return underWay(b, nil) })
	}},
	"latency":        {f: latency},
	"hybrid":         {f: hybridCheck},
	"hybrid bits":    {f: hybridBits},
	"brick fails":    {f: brickFails},
	"bricks receive": {f: func(c *mpi.Comm) (string, error) { return bricksFail(c, false) }},
	"bricks send":    {f: func(c *mpi.Comm) (string, error) { return bricksFail(c, true) }},
	"info": {f: func(c *mpi.Comm) (string, error) {
		info := c.Info()
		return info.String(), nil
	}},
}

func rankMain(name string) int {
	p, ok := programs[name]
	if !ok {
		fmt.Fprintln(os.Stderr, "no such program:", name)
		return 2
	}
	var text string
	err := p.options.Run(func(c comm.Comm) (err error) {
		text, err = p.f(c.(*mpi.Comm))
		if err == nil {
			text = fmt.Sprintf("%s: rank %d of %d under %s\n", text, c.Rank(), c.Size(), c.(*mpi.Comm).Info().Family)
		}
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "Run returned:", err)
		return 3
	}
	fmt.Print(text)
	return 0
}

// collect exchanges while the garbage collector runs and the heap is churned.
func collect(c *mpi.Comm) (string, error) {
	stop, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		var keep [256][]byte
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			default:
			}
			keep[k%len(keep)] = make([]byte, 1000+k%100000)
			if k%200 == 0 {
				runtime.GC()
			}
		}
	}()
	if err := commtest.Check(c); err != nil {
		return "", err
	}
	close(stop)
	<-stopped
	return "checked", nil
}

// exchanges makes as many exchanges as the environment says while the collector runs
// without a pause and the heap is churned, and looks at every byte. Every other one
// sends rows from the heap into lent memory and Polls on the way. Sizes go from the
// short messages that travel at once to those that the receiver has to agree to.
func exchanges(c *mpi.Comm) (string, error) {
	count, err := strconv.Atoi(os.Getenv("WIGNER_EXCHANGES"))
	if err != nil {
		return "", err
	}
	stop, stopped := make(chan bool), make(chan bool)
	collections := 0
	go func() {
		defer close(stopped)
		var keep [64][]byte
		for k := 0; ; k++ {
			select {
			case <-stop:
				return
			default:
			}
			keep[k%len(keep)] = make([]byte, 1000+k%100000)
			runtime.GC()
			collections++
		}
	}()
	sizes := []int{0, 1, 8, 100, 1000, 4096, 9000, 70000}
	n, me := c.Size(), c.Rank()
	next, last := (me+1)%n, (me+n-1)%n
	most := sizes[len(sizes)-1]
	out, in := c.Alloc(most), c.Alloc(most)
	send, recv := []comm.Message{{Peer: next}}, []comm.Message{{Peer: last}}
	for round := range count {
		size := sizes[round%7]
		if round%499 == 0 { // of both kinds
			size = most
		}
		for i := range out[:size] {
			out[i] = byte(i*7 + me*31 + round*13)
		}
		clear(in[:size])
		send[0] = comm.Message{Peer: next, Data: out[:size]}
		recv[0] = comm.Message{Peer: last, Data: in[:size]}
		if round%2 == 1 {
			send[0] = backwards(next, out[:size])
			recv[0] = comm.Message{Peer: last, Lent: size}
		}
		if err := c.Start(send, recv); err != nil {
			return "", err
		}
		if round%2 == 1 {
			if err := c.Poll(); err != nil {
				return "", err
			}
		}
		if err := c.Wait(); err != nil {
			return "", err
		}
		if len(recv[0].Data) != size {
			return "", fmt.Errorf("exchange %d of %d bytes gives %d", round, size, len(recv[0].Data))
		}
		for i, v := range recv[0].Data {
			if v != byte(i*7+last*31+round*13) {
				return "", fmt.Errorf("exchange %d of %d bytes: byte %d is %d", round, size, i, v)
			}
		}
	}
	close(stop)
	<-stopped
	return fmt.Sprintf("%d exchanges, %d collections", count, collections), nil
}

// backwards is a message of b, made of rows that stand in the heap from the last to the first.
func backwards(peer int, b []byte) comm.Message {
	width := 1
	for _, w := range []int{50, 8, 4} {
		if len(b)%w == 0 {
			width = w
			break
		}
	}
	n := len(b) / width
	m := comm.Message{Peer: peer, Data: make([]byte, len(b)), Rows: make([]int32, n), Width: width}
	for k := range n {
		m.Rows[k] = int32(n - 1 - k)
		copy(m.Data[(n-1-k)*width:(n-k)*width], b[k*width:(k+1)*width])
	}
	return m
}

// heapBuffers sends from and receives into Go's heap, several times.
func heapBuffers(c *mpi.Comm) (string, error) {
	n := c.Size()
	next, last := (c.Rank()+1)%n, (c.Rank()+n-1)%n
	for round := range 20 {
		var send, recv []comm.Message
		for tag := range 3 {
			out, in := make([]byte, 100+round*1000*tag), make([]byte, 100+round*1000*tag)
			for i := range out {
				out[i] = byte(i + c.Rank() + round + tag)
			}
			send = append(send, comm.Message{Peer: next, Tag: tag, Data: out})
			recv = append(recv, comm.Message{Peer: last, Tag: tag, Data: in})
		}
		if err := comm.Exchange(c, send, recv); err != nil {
			return "", err
		}
		for tag, m := range recv {
			for i, v := range m.Data {
				if v != byte(i+last+round+tag) {
					return "", fmt.Errorf("round %d, tag %d: byte %d is %d", round, tag, i, v)
				}
			}
		}
	}
	return "checked", nil
}

func isLast(c comm.Comm) bool { return c.Rank() == c.Size()-1 }

func lastFails(c comm.Comm, wait func(comm.Comm) error) error {
	if isLast(c) {
		time.Sleep(10 * time.Millisecond)
		return errTest
	}
	return wait(c)
}

func lastPanics(c comm.Comm) error {
	if isLast(c) {
		panic(errTest)
	}
	return waitReduce(c)
}

func lastAborts(c comm.Comm) error {
	if isLast(c) {
		c.Abort(errTest)
	}
	return waitExchange(c)
}

// underWay: the last rank leaves with err between Start and Wait, with large messages on
// their way and one to come that nobody sends.
func underWay(c comm.Comm, err error) error {
	memory := c.Alloc(3 << 20)
	var out, in []comm.Message
	for r := range c.Size() {
		if r != c.Rank() && (r == c.Size()-1 || isLast(c)) {
			out = append(out, comm.Message{Peer: r, Tag: 1, Data: memory[:1<<20]})
			in = append(in, comm.Message{Peer: r, Tag: 1, Data: memory[1<<20 : 2<<20]}, comm.Message{Peer: r, Tag: 2, Data: memory[2<<20:]})
			break
		}
	}
	if err := c.Start(out, in); err != nil {
		return err
	}
	if err := c.Poll(); err != nil {
		return err
	}
	if isLast(c) {
		time.Sleep(10 * time.Millisecond)
		return err
	}
	return c.Wait()
}

func waitReduce(c comm.Comm) error {
	for {
		if err := c.Allreduce([]float64{1}, comm.Sum); err != nil {
			return err
		}
	}
}

func waitExchange(c comm.Comm) error {
	return comm.Exchange(c, nil, []comm.Message{{Peer: c.Size() - 1, Data: c.Alloc(8)}})
}

func anyError(c *mpi.Comm) (string, error) {
	var err error
	if isLast(c) {
		err = errTest
	}
	return "", comm.AnyError(c, err)
}

// earlyReturn: ranks that are done wait for those that are not.
func earlyReturn(c *mpi.Comm) (string, error) {
	if isLast(c) {
		time.Sleep(300 * time.Millisecond)
	}
	return "checked", nil
}

func wrongLength(c comm.Comm, sent, expected int) error {
	switch c.Rank() {
	case 0:
		if err := comm.Exchange(c, []comm.Message{{Peer: c.Size() - 1, Tag: 4, Data: c.Alloc(sent)}}, nil); err != nil {
			return err
		}
	case c.Size() - 1:
		return comm.Exchange(c, nil, []comm.Message{{Peer: 0, Tag: 4, Data: c.Alloc(expected)}})
	}
	return waitReduce(c)
}

func latency(c *mpi.Comm) (string, error) {
	all, err := mpi.PingPong(c)
	if err != nil {
		return "", err
	}
	const n = 2000
	x := make([]float64, 10)
	start := time.Now()
	for range n {
		if err := c.Allreduce(x, comm.Sum); err != nil {
			return "", err
		}
	}
	return fmt.Sprint(all, " sum of 10 numbers ", time.Since(start)/n), nil
}

// hybridCheck runs the suite on 1, 2, 3, 1, … bricks per process.
func hybridCheck(c *mpi.Comm) (string, error) {
	bricks := make([]int, c.Size())
	for p := range bricks {
		bricks[p] = 1 + p%3
	}
	return "checked", hybrid.Run(c, bricks, commtest.Check)
}

// twelve deals 12 bricks out to the processes.
func twelve(c *mpi.Comm) []int {
	bricks := make([]int, c.Size())
	for k := range 12 {
		bricks[k%len(bricks)]++
	}
	return bricks
}

// testSum is a sum whose bits depend on the order of its terms.
func testSum(c comm.Comm) (uint64, error) {
	x := []float64{math.Exp(float64(c.Rank()*7%12) - 5)}
	err := c.Allreduce(x, comm.Sum)
	return math.Float64bits(x[0]), err
}

func hybridBits(c *mpi.Comm) (text string, err error) {
	err = hybrid.Run(c, twelve(c), func(b comm.Comm) error {
		bits, err := testSum(b)
		if b.Rank() == 0 || b.Rank() == 11 {
			fmt.Printf("brick %d has %x\n", b.Rank(), bits)
		}
		return err
	})
	return "added", err
}

func brickFails(c *mpi.Comm) (string, error) {
	return "", hybrid.Run(c, twelve(c), func(b comm.Comm) error {
		if b.Rank() == 11 {
			time.Sleep(10 * time.Millisecond)
			return errTest
		}
		if b.Rank() < 6 {
			return waitReduce(b)
		}
		return waitExchange(b)
	})
}

// bricksFail: bricks of all processes fail while others of the same processes wait
// in exchanges that nobody will meet.
func bricksFail(c *mpi.Comm, sends bool) (string, error) {
	bricks := make([]int, c.Size())
	for p := range bricks {
		bricks[p] = 2
	}
	return "", hybrid.Run(c, bricks, func(b comm.Comm) error {
		if b.Rank()%2 == 1 {
			time.Sleep(10 * time.Millisecond)
			return errTest
		}
		open := []comm.Message{{Peer: (b.Rank() + 2) % b.Size(), Data: b.Alloc(1 << 20)}}
		if sends {
			return comm.Exchange(b, open, nil)
		}
		return comm.Exchange(b, nil, open)
	})
}
