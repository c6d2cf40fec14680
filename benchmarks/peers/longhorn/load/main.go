// Command load runs one job on a Longhorn engine at the socket of its "socket" frontend, as a frontend would: one
// frame to a connection at a time, answers in any order. It prints a document a second and one at the end, in the
// shape of fio's JSON, so that the same reader takes both.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/longhorn/longhorn-engine/pkg/dataconn"
)

// Of a frame: magic u16, sequence u32, type u32, offset u64, size u32, length of the data u32; little-endian.
const headerBytes = 26

type answer struct {
	into []byte
	done chan error
}

// connection has a slot for each operation in flight; the sequence number of a frame is its slot.
type connection struct {
	socket  net.Conn
	writing sync.Mutex
	out     *bufio.Writer
	slots   []answer
}

func dial(path string, depth int) (*connection, error) {
	socket, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	c := &connection{socket: socket, out: bufio.NewWriterSize(socket, 256<<10), slots: make([]answer, depth)}
	for i := range c.slots {
		c.slots[i].done = make(chan error, 1)
	}
	go c.read()
	return c, nil
}

func (c *connection) read() {
	in := bufio.NewReaderSize(c.socket, 256<<10)
	for {
		if err := c.readOne(in); err != nil {
			for i := range c.slots {
				select {
				case c.slots[i].done <- err:
				default:
				}
			}
			return
		}
	}
}

func (c *connection) readOne(in *bufio.Reader) error {
	var header [headerBytes]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return err
	}
	slot := int(binary.LittleEndian.Uint32(header[2:]))
	length := int(binary.LittleEndian.Uint32(header[22:]))
	if binary.LittleEndian.Uint16(header[0:]) != dataconn.MagicVersion || slot >= len(c.slots) {
		return errors.New("the engine sent something that is not a frame")
	}
	to := &c.slots[slot]
	if binary.LittleEndian.Uint32(header[6:]) != dataconn.TypeResponse {
		message := make([]byte, min(length, 4096))
		_, err := io.ReadFull(in, message)
		if err == nil {
			err = fmt.Errorf("the engine failed: %s", message)
		}
		return err
	}
	if length > len(to.into) {
		return fmt.Errorf("an answer of %d bytes instead of %d", length, len(to.into))
	}
	if _, err := io.ReadFull(in, to.into[:length]); err != nil {
		return err
	}
	to.done <- nil
	return nil
}

func (c *connection) call(slot int, write bool, data []byte, offset int64) error {
	var header [headerBytes]byte
	kind, length := uint32(dataconn.TypeRead), 0
	c.slots[slot].into = data
	if write {
		kind, length = dataconn.TypeWrite, len(data)
		c.slots[slot].into = nil
	}
	binary.LittleEndian.PutUint16(header[0:], dataconn.MagicVersion)
	binary.LittleEndian.PutUint32(header[2:], uint32(slot))
	binary.LittleEndian.PutUint32(header[6:], kind)
	binary.LittleEndian.PutUint64(header[10:], uint64(offset))
	binary.LittleEndian.PutUint32(header[18:], uint32(len(data)))
	binary.LittleEndian.PutUint32(header[22:], uint32(length))
	c.writing.Lock()
	c.out.Write(header[:])
	c.out.Write(data[:length])
	err := c.out.Flush()
	c.writing.Unlock()
	if err != nil {
		return err
	}
	return <-c.slots[slot].done
}

// histogram has 64 bins to each power of two of nanoseconds.
type histogram [64 * 64]uint64

func (h *histogram) add(nanos uint64) {
	if nanos < 64 {
		h[nanos]++
		return
	}
	shift := bits.Len64(nanos) - 7
	h[(shift+1)*64+int(nanos>>shift)-64]++
}

func lowest(bin int) uint64 {
	if bin < 64 {
		return uint64(bin)
	}
	return uint64(bin%64+64) << (bin/64 - 1)
}

type side struct {
	Ios     uint64  `json:"total_ios"`
	Bytes   uint64  `json:"io_bytes"`
	Runtime int64   `json:"runtime"`
	Iops    float64 `json:"iops"`
	Rate    float64 `json:"bw_bytes"`
	Latency struct {
		Bins map[string]uint64 `json:"bins"`
	} `json:"lat_ns"`
}

func newSide(ios uint64, blockBytes int, elapsed time.Duration, latencies *histogram) side {
	s := side{Ios: ios, Bytes: ios * uint64(blockBytes), Runtime: elapsed.Milliseconds()}
	s.Iops = float64(ios) / elapsed.Seconds()
	s.Rate = float64(s.Bytes) / elapsed.Seconds()
	s.Latency.Bins = map[string]uint64{}
	for bin, count := range latencies {
		if count > 0 {
			s.Latency.Bins[strconv.FormatUint(lowest(bin), 10)] = count
		}
	}
	return s
}

type job struct {
	blockBytes  int
	blocks      int64
	sequential  bool
	readPercent int
	end         time.Time // zero: when every block had its turn
	next        atomic.Int64
	ios         [2]atomic.Uint64
}

// worker keeps one operation in flight until the job ends.
func (j *job) worker(c *connection, slot int, latencies *[2]histogram) error {
	data := make([]byte, j.blockBytes)
	for i := range len(data) / 8 {
		binary.LittleEndian.PutUint64(data[i*8:], rand.Uint64())
	}
	for {
		turn := j.next.Add(1) - 1
		begin := time.Now()
		if j.end.IsZero() && turn >= j.blocks || !j.end.IsZero() && begin.After(j.end) {
			return nil
		}
		block := turn % j.blocks
		if !j.sequential {
			block = rand.Int64N(j.blocks)
		}
		kind := 0
		if rand.IntN(100) >= j.readPercent {
			kind = 1
			binary.LittleEndian.PutUint64(data, rand.Uint64())
		}
		if err := c.call(slot, kind == 1, data, block*int64(j.blockBytes)); err != nil {
			return err
		}
		latencies[kind].add(uint64(time.Since(begin)))
		j.ios[kind].Add(1)
	}
}

func (j *job) print(began time.Time, latencies *[2]histogram) {
	elapsed := time.Since(began)
	document := map[string]any{"jobs": []any{map[string]any{
		"error": 0,
		"read":  newSide(j.ios[0].Load(), j.blockBytes, elapsed, &latencies[0]),
		"write": newSide(j.ios[1].Load(), j.blockBytes, elapsed, &latencies[1]),
	}}}
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		fail(err)
	}
}

func (j *job) run(connections []*connection, depth int) error {
	began := time.Now()
	each := make([][2]histogram, len(connections)*depth)
	failures := make(chan error, len(each))
	for i := range each {
		go func() { failures <- j.worker(connections[i/depth], i%depth, &each[i]) }()
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for running := len(each); running > 0; {
		select {
		case err := <-failures:
			if err != nil {
				return err
			}
			running--
		case <-tick.C:
			j.print(began, &[2]histogram{})
		}
	}
	var all [2]histogram
	for i := range each {
		for kind := range all {
			for bin, count := range each[i][kind] {
				all[kind][bin] += count
			}
		}
	}
	j.print(began, &all)
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "load:", err)
	os.Exit(1)
}

func bytesOf(text string) int {
	unit := 1
	switch {
	case strings.HasSuffix(text, "k"):
		unit = 1 << 10
	case strings.HasSuffix(text, "m"):
		unit = 1 << 20
	}
	number, err := strconv.Atoi(strings.TrimRight(text, "km"))
	if err != nil {
		fail(err)
	}
	return number * unit
}

func main() {
	socket := flag.String("socket", "", "of the engine's socket frontend")
	mib := flag.Int64("mib", 1024, "size of the volume")
	rw := flag.String("rw", "randread", "read, write, randread, randwrite or randrw")
	bs := flag.String("bs", "4k", "block size, with k or m")
	depth := flag.Int("depth", 1, "operations in flight on each connection")
	connections := flag.Int("connections", 1, "connections")
	mix := flag.Int("mixread", 50, "per cent of reads in randrw")
	seconds := flag.Int("seconds", 8, "length; 0: every block once")
	flag.Parse()
	percents := map[string]int{"read": 100, "randread": 100, "write": 0, "randwrite": 0, "randrw": *mix}
	percent, known := percents[*rw]
	if !known {
		fail(fmt.Errorf("unknown -rw %s", *rw))
	}
	blockBytes := bytesOf(*bs)
	j := &job{blockBytes: blockBytes, blocks: *mib << 20 / int64(blockBytes),
		sequential: *rw == "read" || *rw == "write", readPercent: percent}
	var all []*connection
	for range *connections {
		c, err := dial(*socket, *depth)
		if err != nil {
			fail(err)
		}
		all = append(all, c)
	}
	if *seconds > 0 {
		j.end = time.Now().Add(time.Duration(*seconds) * time.Second)
	}
	if err := j.run(all, *depth); err != nil {
		fail(err)
	}
}
