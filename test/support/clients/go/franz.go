// franz-go behind the producer interface. Idempotent, it pipelines as it likes: the number is not a setting then.
package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type franz struct{ client *kgo.Client }

var franzCodecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func openFranz(options producerOptions) (producer, error) {
	settings := []kgo.Opt{
		kgo.SeedBrokers(options.Bootstrap...),
		kgo.ClientID(named(options.ClientID, "franz-go-producer")),
		kgo.ProducerBatchCompression(franzCodecs[options.Codec]),
		kgo.ProducerLinger(milliseconds(options.LingerMs, 5)),
		kgo.RecordDeliveryTimeout(milliseconds(options.DeliveryTimeoutMs, 15_000)),
		kgo.ProduceRequestTimeout(milliseconds(options.RequestTimeoutMs, 5_000)),
		kgo.RecordPartitioner(franzPartitioner{kgo.StickyKeyPartitioner(nil)}),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		// Its default of five seconds is meant to spare a cluster, not a test.
		kgo.MetadataMinAge(100 * time.Millisecond),
	}
	switch acks := options.Acks.(type) {
	case float64:
		if acks == 0 {
			settings = append(settings, kgo.RequiredAcks(kgo.NoAck()))
		} else {
			settings = append(settings, kgo.RequiredAcks(kgo.LeaderAck()))
		}
	default:
		settings = append(settings, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	if !options.Idempotence {
		settings = append(settings, kgo.DisableIdempotentWrite())
		if options.Inflight > 0 {
			settings = append(settings, kgo.MaxProduceRequestsInflightPerBroker(options.Inflight))
		}
	}
	if options.BatchBytes > 0 {
		// It refuses less than a batch's own head.
		settings = append(settings, kgo.ProducerBatchMaxBytes(int32(max(options.BatchBytes, 512))))
	}
	if options.TransactionalID != "" {
		settings = append(settings, kgo.TransactionalID(options.TransactionalID))
	}
	client, err := kgo.NewClient(settings...)
	if err != nil {
		return nil, err
	}
	return &franz{client}, nil
}

func named(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

// franzPartitioner obeys a partition that a record names and leaves the others to the client's own.
type franzPartitioner struct{ own kgo.Partitioner }

type franzTopicPartitioner struct{ own kgo.TopicPartitioner }

func (p franzPartitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return franzTopicPartitioner{p.own.ForTopic(topic)}
}

func (p franzTopicPartitioner) RequiresConsistency(record *kgo.Record) bool {
	return record.Partition >= 0 || p.own.RequiresConsistency(record)
}

func (p franzTopicPartitioner) Partition(record *kgo.Record, count int) int {
	if record.Partition >= 0 {
		return int(record.Partition)
	}
	return p.own.Partition(record, count)
}

func (f *franz) send(records []outRecord) []recordResult {
	results := make([]recordResult, len(records))
	var open sync.WaitGroup
	open.Add(len(records))
	for index, record := range records {
		f.client.Produce(context.Background(), franzRecord(record), func(sent *kgo.Record, err error) {
			if err != nil {
				results[index] = failed(describeFranz(err))
			} else {
				results[index] = succeeded(sent.Partition, sent.Offset)
			}
			open.Done()
		})
	}
	open.Wait()
	return results
}

func franzRecord(record outRecord) *kgo.Record {
	sent := &kgo.Record{Topic: record.Topic, Partition: -1, Key: record.Key, Value: record.Value}
	if record.Partition != nil {
		sent.Partition = *record.Partition
	}
	if record.Timestamp != nil {
		sent.Timestamp = time.UnixMilli(*record.Timestamp)
	}
	for _, header := range record.Headers {
		sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: *header[0], Value: decoded(header[1])})
	}
	return sent
}

func (f *franz) begin() error { return f.client.BeginTransaction() }

func (f *franz) commit() error {
	if err := f.client.Flush(context.Background()); err != nil {
		return err
	}
	return f.client.EndTransaction(context.Background(), kgo.TryCommit)
}

func (f *franz) abort() error {
	if err := f.client.AbortBufferedRecords(context.Background()); err != nil {
		return err
	}
	return f.client.EndTransaction(context.Background(), kgo.TryAbort)
}

func (f *franz) close() error {
	f.client.Close()
	return nil
}

func describeFranz(err error) clientError {
	var told *kerr.Error
	if errors.As(err, &told) {
		code := int(told.Code)
		return clientError{Code: &code, Name: told.Message, Message: err.Error()}
	}
	// Its own errors are values without a name; the innermost tells them apart.
	innermost := err
	for wrapped := errors.Unwrap(innermost); wrapped != nil; wrapped = errors.Unwrap(innermost) {
		innermost = wrapped
	}
	return clientError{Name: innermost.Error(), Message: err.Error()}
}
