// franz-go against a broker: admin, an idempotent producer with each codec, a consumer from the start.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const perCodec = 500

func check(err error, doing string) {
	if err != nil {
		fmt.Println("failed:", doing+":", err)
		os.Exit(1)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	server, topic := os.Args[1], fmt.Sprintf("franz-%d", time.Now().UnixNano())
	client, err := kgo.NewClient(kgo.SeedBrokers(server))
	check(err, "client")
	admin := kadm.NewClient(client)
	_, err = admin.CreateTopic(ctx, 1, 1, nil, topic)
	check(err, "create")
	if _, err = admin.CreateTopic(ctx, 1, 1, nil, topic); !errors.Is(err, kerr.TopicAlreadyExists) {
		check(fmt.Errorf("got %v", err), "the same topic was created twice")
	}
	codecs := []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}
	want := int64(0)
	for _, codec := range codecs {
		producer, err := kgo.NewClient(kgo.SeedBrokers(server), kgo.ProducerBatchCompression(codec))
		check(err, "producer")
		var records []*kgo.Record
		for i := 0; i < perCodec; i++ {
			records = append(records, &kgo.Record{Topic: topic, Value: []byte(fmt.Sprintf("value %d", want+int64(i)))})
		}
		check(producer.ProduceSync(ctx, records...).FirstErr(), "produce")
		want += perCodec
		producer.Close()
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(server), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().AtStart()}}))
	check(err, "consumer")
	for next := int64(0); next < want; {
		fetches := consumer.PollFetches(ctx)
		check(fetches.Err(), "fetch")
		fetches.EachRecord(func(record *kgo.Record) {
			if record.Offset != next || string(record.Value) != fmt.Sprintf("value %d", next) {
				check(fmt.Errorf("offset %d holds %q", record.Offset, record.Value), "read")
			}
			next++
		})
	}
	consumer.Close()
	_, err = admin.DeleteTopics(ctx, topic)
	check(err, "delete")
	client.Close()
	fmt.Println(want, "records through", len(codecs), "codecs")
}
