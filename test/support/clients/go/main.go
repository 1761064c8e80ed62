// franz-go and sarama as one program that is spoken to in JSON lines: one call per line on stdin, one answer per line on
// stdout, matched by id, calls in parallel. Bytes travel as base64. It ends when stdin does. The only argument says
// which of the two it is. They produce; tests read and administer with other clients.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

type call struct {
	ID   int             `json:"id"`
	Call string          `json:"call"`
	With json.RawMessage `json:"with"`
}

type answer struct {
	ID     int          `json:"id"`
	Result any          `json:"result"`
	Error  *clientError `json:"error,omitempty"`
}

// clientError is an error as the client reports it; Code is nil where it gives none.
type clientError struct {
	Code    *int   `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
}

type producerOptions struct {
	Bootstrap         []string `json:"bootstrap"`
	Acks              any      `json:"acks"`
	Idempotence       bool     `json:"idempotence"`
	TransactionalID   string   `json:"transactionalId"`
	Codec             string   `json:"codec"`
	LingerMs          *int     `json:"lingerMs"`
	BatchBytes        int      `json:"batchBytes"`
	BatchRecords      int      `json:"batchRecords"`
	Inflight          int      `json:"inflight"`
	DeliveryTimeoutMs *int     `json:"deliveryTimeoutMs"`
	RequestTimeoutMs  *int     `json:"requestTimeoutMs"`
	MaxRequestBytes   int      `json:"maxRequestBytes"`
	ClientID          string   `json:"clientId"`
}

type outRecord struct {
	Topic string `json:"topic"`
	// Nil: the client's partitioner decides.
	Partition *int32 `json:"partition"`
	Key       []byte `json:"key"`
	Value     []byte `json:"value"`
	// Name, and value in base64 or null.
	Headers [][2]*string `json:"headers"`
	// Epoch milliseconds; nil: now.
	Timestamp *int64 `json:"timestamp"`
}

type recordResult struct {
	Partition *int32       `json:"partition,omitempty"`
	Offset    *int64       `json:"offset,omitempty"`
	Error     *clientError `json:"error,omitempty"`
}

type producer interface {
	// send hands all records over in their order and returns when each has its result.
	send(records []outRecord) []recordResult
	begin() error
	commit() error
	abort() error
	close() error
}

// describeError finds the client's code and name for an error.
type describeError func(error) clientError

type library struct {
	open     func(producerOptions) (producer, error)
	describe describeError
}

var libraries = map[string]library{
	"franz-go": {openFranz, describeFranz},
	"sarama":   {openSarama, describeSarama},
}

type server struct {
	library  library
	lock     sync.Mutex
	sessions map[string]producer
	output   *json.Encoder
	writing  sync.Mutex
}

func main() {
	chosen, known := libraries[os.Args[len(os.Args)-1]]
	if !known {
		fmt.Fprintln(os.Stderr, "the argument is franz-go or sarama")
		os.Exit(2)
	}
	output := bufio.NewWriter(os.Stdout)
	serving := &server{library: chosen, sessions: map[string]producer{}, output: json.NewEncoder(flushing{output})}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			// Nobody listens any more: open producers would wait for their deliveries.
			os.Exit(0)
		}
		var asked call
		if err := json.Unmarshal(line, &asked); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		go serving.answer(asked)
	}
}

// flushing makes every answer leave at once.
type flushing struct{ to *bufio.Writer }

func (f flushing) Write(bytes []byte) (int, error) {
	written, err := f.to.Write(bytes)
	if err != nil {
		return written, err
	}
	return written, f.to.Flush()
}

var _ io.Writer = flushing{}

func (s *server) answer(asked call) {
	replied := answer{ID: asked.ID}
	result, err := s.run(asked)
	if err != nil {
		described := s.library.describe(err)
		replied.Error = &described
	} else {
		replied.Result = result
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.output.Encode(replied); err != nil {
		os.Exit(0)
	}
}

func (s *server) run(asked call) (any, error) {
	if asked.Call == "producer.open" {
		var options producerOptions
		if err := json.Unmarshal(asked.With, &options); err != nil {
			return nil, err
		}
		opened, err := s.library.open(options)
		if err != nil {
			return nil, err
		}
		s.lock.Lock()
		defer s.lock.Unlock()
		name := fmt.Sprintf("s%d", len(s.sessions))
		s.sessions[name] = opened
		return name, nil
	}
	var with struct {
		Session string      `json:"session"`
		Records []outRecord `json:"records"`
	}
	if err := json.Unmarshal(asked.With, &with); err != nil {
		return nil, err
	}
	s.lock.Lock()
	session := s.sessions[with.Session]
	s.lock.Unlock()
	if session == nil {
		return nil, errors.New("not offered: this client only produces")
	}
	switch asked.Call {
	case "send":
		return session.send(with.Records), nil
	case "begin":
		return nil, session.begin()
	case "commit":
		return nil, session.commit()
	case "abort":
		return nil, session.abort()
	case "close":
		// The name stays taken: names count the sessions.
		return nil, session.close()
	}
	return nil, fmt.Errorf("not offered: %s", asked.Call)
}

func succeeded(partition int32, offset int64) recordResult {
	return recordResult{Partition: &partition, Offset: &offset}
}

func failed(described clientError) recordResult {
	return recordResult{Error: &described}
}

// decoded returns a header's value; nil for null.
func decoded(text *string) []byte {
	if text == nil {
		return nil
	}
	bytes, err := base64.StdEncoding.DecodeString(*text)
	if err != nil {
		panic(err)
	}
	return bytes
}

func milliseconds(value *int, otherwise int) time.Duration {
	if value == nil {
		return time.Duration(otherwise) * time.Millisecond
	}
	return time.Duration(*value) * time.Millisecond
}
