// The Java client against a broker: admin, an idempotent producer, a consumer that seeks by time. Run as a single source file.
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.UpdateFeaturesOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidUpdateVersionException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

class RoundTrip {
    static final int RECORDS = 3000;

    public static void main(String[] args) throws Exception {
        String topic = "java-" + UUID.randomUUID();
        Map<String, Object> server = Map.of("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(server)) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
            try {
                admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
                throw new AssertionError("the same topic was created twice");
            } catch (ExecutionException refused) {
                check(refused.getCause() instanceof TopicExistsException, "refused with " + refused.getCause());
            }
            check(admin.describeCluster().nodes().get().size() == 1, "one broker is there");
            String described = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).name();
            check(described.equals(topic), "the description is of " + described);
            updateFeatures(admin);
        }
        produce(args[0], topic);
        consume(args[0], topic);
        System.out.println(RECORDS + " records, look-up by time");
    }

    static void updateFeatures(Admin admin) throws Exception {
        String name = "metadata.version";
        short level = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get(name).maxVersionLevel();
        UpdateFeaturesOptions options = new UpdateFeaturesOptions();
        FeatureUpdate same = new FeatureUpdate(level, FeatureUpdate.UpgradeType.UPGRADE);
        admin.updateFeatures(Map.of(name, same), options).all().get();
        try {
            FeatureUpdate higher = new FeatureUpdate((short) (level + 1), FeatureUpdate.UpgradeType.UPGRADE);
            admin.updateFeatures(Map.of(name, higher), options).all().get();
            throw new AssertionError("a level that is not there was taken");
        } catch (ExecutionException refused) {
            check(refused.getCause() instanceof InvalidUpdateVersionException, "refused with " + refused.getCause());
        }
    }

    static void produce(String server, String topic) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", server, "acks", "all", "compression.type", "lz4", "linger.ms", "5");
        try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < RECORDS; i++) {
                sent.add(producer.send(new ProducerRecord<>(topic, 0, 1_700_000_000_000L + i, "k" + i, "v" + i)));
            }
            for (int i = 0; i < RECORDS; i++) {
                check(sent.get(i).get().offset() == i, "record " + i + " has another offset");
            }
        }
    }

    static void consume(String server, String topic) {
        Map<String, Object> config = Map.of("bootstrap.servers", server);
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer())) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            long offset = consumer.offsetsForTimes(Map.of(partition, 1_700_000_000_000L + 1000)).get(partition).offset();
            check(offset == 1000, "the time leads to offset " + offset);
            check(consumer.endOffsets(List.of(partition)).get(partition) == RECORDS, "the end is elsewhere");
            consumer.seek(partition, offset);
            for (int i = 1000; i < RECORDS; ) {
                var batch = consumer.poll(Duration.ofSeconds(20));
                check(!batch.isEmpty(), "nothing came after record " + i);
                for (ConsumerRecord<String, String> record : batch) {
                    check(record.value().equals("v" + i) && record.offset() == i, "record " + i + " is " + record);
                    i++;
                }
            }
        }
    }

    static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
