// sarama behind the producer interface, with its defaults where nothing is asked for.
package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

type saramaProducer struct {
	own     sarama.AsyncProducer
	results sync.WaitGroup
}

// pending is a record on its way: where its result belongs.
type pending struct {
	result *recordResult
	open   *sync.WaitGroup
}

var saramaCodecs = map[string]sarama.CompressionCodec{
	"none":   sarama.CompressionNone,
	"gzip":   sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy,
	"lz4":    sarama.CompressionLZ4,
	"zstd":   sarama.CompressionZSTD,
}

const retryBackoff = 100 * time.Millisecond

func openSarama(options producerOptions) (producer, error) {
	config := sarama.NewConfig()
	config.ClientID = named(options.ClientID, "sarama-producer")
	config.Producer.Return.Successes = true
	config.Producer.Compression = saramaCodecs[options.Codec]
	config.Producer.Flush.Frequency = milliseconds(options.LingerMs, 5)
	config.Producer.Flush.MaxMessages = options.BatchRecords
	config.Producer.Timeout = milliseconds(options.RequestTimeoutMs, 5_000)
	// It counts attempts, not time.
	config.Producer.Retry.Backoff = retryBackoff
	config.Producer.Retry.Max = int(milliseconds(options.DeliveryTimeoutMs, 15_000) / retryBackoff)
	config.Metadata.AllowAutoTopicCreation = false
	config.Producer.Partitioner = func(topic string) sarama.Partitioner {
		return saramaPartitioner{sarama.NewHashPartitioner(topic)}
	}
	switch acks := options.Acks.(type) {
	case float64:
		config.Producer.RequiredAcks = sarama.RequiredAcks(acks)
	default:
		config.Producer.RequiredAcks = sarama.WaitForAll
	}
	if options.Inflight > 0 {
		config.Net.MaxOpenRequests = options.Inflight
	}
	if options.Idempotence {
		config.Producer.Idempotent = true
		// It refuses anything else.
		config.Net.MaxOpenRequests = 1
	}
	if options.MaxRequestBytes > 0 {
		config.Producer.MaxMessageBytes = options.MaxRequestBytes
	}
	config.Producer.Transaction.ID = options.TransactionalID
	own, err := sarama.NewAsyncProducer(options.Bootstrap, config)
	if err != nil {
		return nil, err
	}
	opened := &saramaProducer{own: own}
	opened.results.Add(2)
	go func() {
		defer opened.results.Done()
		for message := range own.Successes() {
			settle(message, succeeded(message.Partition, message.Offset))
		}
	}()
	go func() {
		defer opened.results.Done()
		for refusal := range own.Errors() {
			settle(refusal.Msg, failed(describeSarama(refusal.Err)))
		}
	}()
	return opened, nil
}

func settle(message *sarama.ProducerMessage, result recordResult) {
	sent := message.Metadata.(pending)
	*sent.result = result
	sent.open.Done()
}

// saramaPartitioner obeys a partition that a record names and leaves the others to the client's own.
type saramaPartitioner struct{ own sarama.Partitioner }

func (p saramaPartitioner) Partition(message *sarama.ProducerMessage, count int32) (int32, error) {
	if message.Partition >= 0 {
		return message.Partition, nil
	}
	return p.own.Partition(message, count)
}

func (p saramaPartitioner) RequiresConsistency() bool { return true }

func (p *saramaProducer) send(records []outRecord) []recordResult {
	results := make([]recordResult, len(records))
	var open sync.WaitGroup
	open.Add(len(records))
	for index, record := range records {
		message := saramaMessage(record)
		message.Metadata = pending{result: &results[index], open: &open}
		p.own.Input() <- message
	}
	open.Wait()
	return results
}

func saramaMessage(record outRecord) *sarama.ProducerMessage {
	message := &sarama.ProducerMessage{Topic: record.Topic, Partition: -1}
	if record.Partition != nil {
		message.Partition = *record.Partition
	}
	if record.Key != nil {
		message.Key = sarama.ByteEncoder(record.Key)
	}
	if record.Value != nil {
		message.Value = sarama.ByteEncoder(record.Value)
	}
	if record.Timestamp != nil {
		message.Timestamp = time.UnixMilli(*record.Timestamp)
	}
	for _, header := range record.Headers {
		message.Headers = append(message.Headers, sarama.RecordHeader{Key: []byte(*header[0]), Value: decoded(header[1])})
	}
	return message
}

func (p *saramaProducer) begin() error  { return p.own.BeginTxn() }
func (p *saramaProducer) commit() error { return p.own.CommitTxn() }
func (p *saramaProducer) abort() error  { return p.own.AbortTxn() }

const closeTimeout = 5 * time.Second

func (p *saramaProducer) close() error {
	p.own.AsyncClose()
	closed := make(chan struct{})
	go func() {
		p.results.Wait()
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-time.After(closeTimeout):
		return fmt.Errorf("records were still on their way after %s", closeTimeout)
	}
}

func describeSarama(err error) clientError {
	var told sarama.KError
	if errors.As(err, &told) {
		code := int(told)
		return clientError{Code: &code, Name: "sarama.KError", Message: err.Error()}
	}
	return clientError{Name: "sarama", Message: err.Error()}
}
