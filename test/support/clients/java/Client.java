import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListOffsetsResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The Java client as a program that is spoken to in JSON lines: one call per line on stdin, one answer per line on
 * stdout, matched by id, calls in parallel. Bytes travel as base64. It ends when stdin does.
 */
public final class Client {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final PrintStream OUT = System.out;
  private static final Map<String, Object> SESSIONS = new ConcurrentHashMap<>();
  private static final AtomicInteger LAST_SESSION = new AtomicInteger();
  private static final Duration ADMIN_TIMEOUT = Duration.ofSeconds(20);

  public static void main(String[] args) throws Exception {
    ExecutorService calls = Executors.newCachedThreadPool();
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode call = JSON.readTree(line);
        calls.execute(() -> answer(call));
      }
    }
    // Nobody listens any more: open producers would wait for their deliveries.
    Runtime.getRuntime().halt(0);
  }

  private static void answer(JsonNode call) {
    ObjectNode answer = JSON.createObjectNode();
    answer.set("id", call.get("id"));
    try {
      answer.set("result", JSON.valueToTree(run(call.get("call").asText(), call.get("with"))));
    } catch (Throwable thrown) {
      answer.set("error", error(thrown));
    }
    synchronized (OUT) {
      OUT.println(answer);
      OUT.flush();
    }
  }

  private static Object run(String call, JsonNode with) throws Exception {
    switch (call) {
      case "producer.open":
        return open(new ProducerSession(with));
      case "consumer.open":
        return open(with.path("protocol").asText().equals("share") ? new ShareSession(with) : new ConsumerSession(with));
      case "admin.open":
        return open(new AdminSession(with));
      case "close":
        ((AutoCloseable) SESSIONS.remove(with.get("session").asText())).close();
        return null;
      default:
        Object session = SESSIONS.get(with.get("session").asText());
        if (session instanceof ProducerSession) return ((ProducerSession) session).run(call, with);
        if (session instanceof Reader) return ((Reader) session).run(call, with);
        if (session instanceof AdminSession) return ((AdminSession) session).run(call, with);
        throw new IllegalStateException("no session for " + call);
    }
  }

  private static String open(Object session) {
    String name = "s" + LAST_SESSION.incrementAndGet();
    SESSIONS.put(name, session);
    return name;
  }

  // Producing --------------------------------------------------------------------------------------------------------

  private static final class ProducerSession implements AutoCloseable {
    private final KafkaProducer<byte[], byte[]> producer;
    private final boolean transactional;

    ProducerSession(JsonNode options) {
      Properties settings = settings(options, "producer");
      settings.put("key.serializer", ByteArraySerializer.class.getName());
      settings.put("value.serializer", ByteArraySerializer.class.getName());
      settings.put("acks", options.get("acks").asText());
      settings.put("enable.idempotence", options.get("idempotence").asText());
      settings.put("compression.type", options.get("codec").asText());
      settings.put("linger.ms", options.path("lingerMs").asText("5"));
      int requestTimeoutMs = options.path("requestTimeoutMs").asInt(5_000);
      int lingerMs = options.path("lingerMs").asInt(5);
      int deliveryTimeoutMs = options.path("deliveryTimeoutMs").asInt(15_000);
      settings.put("request.timeout.ms", String.valueOf(requestTimeoutMs));
      // Java refuses a delivery timeout below these two together.
      settings.put("delivery.timeout.ms", String.valueOf(Math.max(deliveryTimeoutMs, requestTimeoutMs + lingerMs)));
      settings.put("max.block.ms", String.valueOf(deliveryTimeoutMs));
      put(settings, "batch.size", options.get("batchBytes"));
      put(settings, "max.in.flight.requests.per.connection", options.get("inflight"));
      put(settings, "max.request.size", options.get("maxRequestBytes"));
      put(settings, "transactional.id", options.get("transactionalId"));
      override(settings, options);
      producer = new KafkaProducer<>(settings);
      transactional = options.hasNonNull("transactionalId");
      if (transactional) {
        try {
          producer.initTransactions();
        } catch (RuntimeException failure) {
          producer.close(Duration.ZERO);
          throw failure;
        }
      }
    }

    Object run(String call, JsonNode with) throws Exception {
      switch (call) {
        case "send":
          return send(with.get("records"));
        case "begin":
          producer.beginTransaction();
          return null;
        case "commit":
          producer.commitTransaction();
          return null;
        case "abort":
          producer.abortTransaction();
          return null;
        case "sendOffsets":
          ConsumerSession consumer = (ConsumerSession) SESSIONS.get(with.get("consumer").asText());
          producer.sendOffsetsToTransaction(consumer.positions(), consumer.consumer.groupMetadata());
          return null;
        default:
          throw new IllegalArgumentException(call);
      }
    }

    private List<Object> send(JsonNode records) throws InterruptedException {
      Object[] results = new Object[records.size()];
      CountDownLatch open = new CountDownLatch(results.length);
      for (int index = 0; index < results.length; index++) {
        int place = index;
        try {
          producer.send(outgoing(records.get(index)), (metadata, failure) -> {
            results[place] = failure == null
                ? Map.of("partition", metadata.partition(), "offset", metadata.offset())
                : Map.of("error", error(failure));
            open.countDown();
          });
        } catch (RuntimeException failure) {
          if (results[place] == null) {
            results[place] = Map.of("error", error(failure));
            open.countDown();
          }
        }
      }
      producer.flush();
      open.await();
      return List.of(results);
    }

    @Override
    public void close() {
      producer.close(Duration.ofSeconds(5));
    }
  }

  private static ProducerRecord<byte[], byte[]> outgoing(JsonNode record) {
    ProducerRecord<byte[], byte[]> outgoing = new ProducerRecord<>(
        record.get("topic").asText(),
        record.hasNonNull("partition") ? record.get("partition").asInt() : null,
        record.hasNonNull("timestamp") ? record.get("timestamp").asLong() : null,
        bytes(record.get("key")),
        bytes(record.get("value")));
    for (JsonNode header : record.path("headers")) outgoing.headers().add(header.get(0).asText(), bytes(header.get(1)));
    return outgoing;
  }

  // Consuming --------------------------------------------------------------------------------------------------------

  /** What classic, KIP-848 and share consumers have in common; a consumer may be used by one thread at a time. */
  private abstract static class Reader implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(100);
    private final ArrayDeque<ConsumerRecord<byte[], byte[]>> ready = new ArrayDeque<>();

    abstract Iterable<ConsumerRecord<byte[], byte[]>> poll(Duration timeout);

    abstract void handedOut(ConsumerRecord<byte[], byte[]> record);

    abstract Collection<TopicPartition> assignment();

    abstract void commit();

    synchronized Object run(String call, JsonNode with) {
      switch (call) {
        case "read":
          return read(with.get("count").asInt(), with.get("timeoutMs").asLong());
        case "assignment":
          return assignment(with.get("timeoutMs").asLong());
        case "commit":
          commit();
          return null;
        default:
          throw new IllegalArgumentException(call);
      }
    }

    private List<Object> read(int count, long timeoutMs) {
      long deadline = System.currentTimeMillis() + timeoutMs;
      List<Object> records = new ArrayList<>();
      while (records.size() < count) {
        ConsumerRecord<byte[], byte[]> record = ready.poll();
        if (record != null) {
          handedOut(record);
          records.add(incoming(record));
        } else if (System.currentTimeMillis() < deadline) {
          poll(POLL).forEach(ready::add);
        } else {
          break;
        }
      }
      return records;
    }

    private List<Object> assignment(long timeoutMs) {
      long deadline = System.currentTimeMillis() + timeoutMs;
      do {
        poll(POLL).forEach(ready::add);
      } while (assignment().isEmpty() && System.currentTimeMillis() < deadline);
      List<Object> partitions = new ArrayList<>();
      for (TopicPartition partition : assignment()) {
        partitions.add(Map.of("topic", partition.topic(), "partition", partition.partition()));
      }
      return partitions;
    }
  }

  private static final class ConsumerSession extends Reader {
    private final KafkaConsumer<byte[], byte[]> consumer;
    private final Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();

    ConsumerSession(JsonNode options) {
      Properties settings = consumerSettings(options);
      String protocol = options.path("protocol").asText("classic");
      settings.put("group.protocol", protocol);
      if (protocol.equals("classic")) {
        settings.put("session.timeout.ms", "10000");
        settings.put("heartbeat.interval.ms", "500");
      }
      settings.put("auto.offset.reset", "earliest");
      settings.put("enable.auto.commit", "false");
      settings.put("isolation.level", options.get("committedOnly").asBoolean() ? "read_committed" : "read_uncommitted");
      override(settings, options);
      consumer = new KafkaConsumer<>(settings);
      if (options.hasNonNull("topics")) {
        List<String> topics = new ArrayList<>();
        options.get("topics").forEach((topic) -> topics.add(topic.asText()));
        consumer.subscribe(topics, new Rebalanced());
      } else {
        List<TopicPartition> partitions = new ArrayList<>();
        options.get("partitions").forEach((one) ->
            partitions.add(new TopicPartition(one.get("topic").asText(), one.get("partition").asInt())));
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
      }
    }

    /** A position of a partition that went to another member must not be committed. */
    private final class Rebalanced implements ConsumerRebalanceListener {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(positions::remove);
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    }

    Map<TopicPartition, OffsetAndMetadata> positions() {
      return new HashMap<>(positions);
    }

    @Override
    Iterable<ConsumerRecord<byte[], byte[]>> poll(Duration timeout) {
      return consumer.poll(timeout);
    }

    @Override
    void handedOut(ConsumerRecord<byte[], byte[]> record) {
      positions.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
    }

    @Override
    Collection<TopicPartition> assignment() {
      return consumer.assignment();
    }

    @Override
    void commit() {
      consumer.commitSync(positions);
    }

    @Override
    public synchronized void close() {
      consumer.close();
    }
  }

  private static final class ShareSession extends Reader {
    private final KafkaShareConsumer<byte[], byte[]> consumer;

    ShareSession(JsonNode options) throws Exception {
      // A share group starts at the end unless its own settings say otherwise.
      try (Admin admin = Admin.create(settings(options, "share-admin"))) {
        ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, options.get("groupId").asText());
        AlterConfigOp earliest =
            new AlterConfigOp(new ConfigEntry("share.auto.offset.reset", "earliest"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(group, List.of(earliest))).all().get();
      }
      Properties settings = consumerSettings(options);
      override(settings, options);
      consumer = new KafkaShareConsumer<>(settings);
      List<String> topics = new ArrayList<>();
      options.get("topics").forEach((topic) -> topics.add(topic.asText()));
      consumer.subscribe(topics);
    }

    @Override
    Iterable<ConsumerRecord<byte[], byte[]>> poll(Duration timeout) {
      return consumer.poll(timeout);
    }

    @Override
    void handedOut(ConsumerRecord<byte[], byte[]> record) {}

    @Override
    Collection<TopicPartition> assignment() {
      return List.of();
    }

    @Override
    void commit() {
      consumer.commitSync();
    }

    @Override
    public synchronized void close() {
      consumer.close();
    }
  }

  private static Properties consumerSettings(JsonNode options) {
    Properties settings = settings(options, "consumer");
    settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
    settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
    settings.put("group.id", options.get("groupId").asText());
    settings.put("fetch.max.wait.ms", "200");
    return settings;
  }

  private static Map<String, Object> incoming(ConsumerRecord<byte[], byte[]> record) {
    List<Object> headers = new ArrayList<>();
    for (Header header : record.headers()) {
      List<Object> pair = new ArrayList<>();
      pair.add(header.key());
      pair.add(text(header.value()));
      headers.add(pair);
    }
    Map<String, Object> incoming = new LinkedHashMap<>();
    incoming.put("topic", record.topic());
    incoming.put("partition", record.partition());
    incoming.put("offset", record.offset());
    incoming.put("key", text(record.key()));
    incoming.put("value", text(record.value()));
    incoming.put("headers", headers);
    incoming.put("timestamp", record.timestamp());
    return incoming;
  }

  // Administration ---------------------------------------------------------------------------------------------------

  private static final class AdminSession implements AutoCloseable {
    private final Admin admin;

    AdminSession(JsonNode options) {
      Properties settings = settings(options, "admin");
      settings.put("request.timeout.ms", "5000");
      settings.put("default.api.timeout.ms", "10000");
      admin = Admin.create(settings);
    }

    Object run(String call, JsonNode with) throws Exception {
      switch (call) {
        case "createTopics":
          return createTopics(with.get("topics"));
        case "deleteTopics":
          List<String> names = new ArrayList<>();
          with.get("names").forEach((name) -> names.add(name.asText()));
          admin.deleteTopics(names).all().get();
          return null;
        case "describeTopic":
          return describeTopic(with.get("name").asText());
        case "listOffsets":
          return listOffsets(with.get("topic").asText());
        case "topicConfig":
          ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, with.get("topic").asText());
          Config config = admin.describeConfigs(List.of(topic)).all().get().get(topic);
          Map<String, String> values = new HashMap<>();
          for (ConfigEntry entry : config.entries()) values.put(entry.name(), entry.value());
          return values;
        case "describeCluster":
          return describeCluster();
        case "listGroups":
          TreeSet<String> groups = new TreeSet<>();
          for (GroupListing group : admin.listGroups().all().get()) groups.add(group.groupId());
          return groups;
        case "describeGroup":
          return describeGroup(with.get("groupId").asText());
        case "groupOffsets":
          return groupOffsets(with.get("groupId").asText(), with.get("topic").asText());
        case "describeProducers":
          return describeProducers(new TopicPartition(with.get("topic").asText(), with.get("partition").asInt()));
        default:
          throw new IllegalArgumentException(call);
      }
    }

    private Object createTopics(JsonNode topics) throws Exception {
      List<NewTopic> wanted = new ArrayList<>();
      for (JsonNode topic : topics) {
        Map<Integer, List<Integer>> replicas = new HashMap<>();
        for (JsonNode brokers : topic.get("replicas")) {
          List<Integer> ids = new ArrayList<>();
          brokers.forEach((id) -> ids.add(id.asInt()));
          replicas.put(replicas.size(), ids);
        }
        Map<String, String> config = new HashMap<>();
        topic.path("config").properties().forEach((entry) -> config.put(entry.getKey(), entry.getValue().asText()));
        wanted.add(new NewTopic(topic.get("name").asText(), replicas).configs(config));
      }
      admin.createTopics(wanted).all().get();
      return null;
    }

    private Object describeTopic(String name) throws Exception {
      TopicDescription description = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
      List<Object> partitions = new ArrayList<>();
      for (TopicPartitionInfo partition : description.partitions()) {
        partitions.add(Map.of("partition", partition.partition(), "leader", partition.leader().id(),
            "replicas", ids(partition.replicas()), "isr", ids(partition.isr())));
      }
      return Map.of("name", description.name(), "partitions", partitions);
    }

    private List<Object> listOffsets(String topic) throws Exception {
      TopicDescription description = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
      Map<TopicPartition, OffsetSpec> first = new HashMap<>();
      Map<TopicPartition, OffsetSpec> last = new HashMap<>();
      for (TopicPartitionInfo partition : description.partitions()) {
        first.put(new TopicPartition(topic, partition.partition()), OffsetSpec.earliest());
        last.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest());
      }
      Map<TopicPartition, ListOffsetsResult.ListOffsetsResultInfo> earliest = admin.listOffsets(first).all().get();
      Map<TopicPartition, ListOffsetsResult.ListOffsetsResultInfo> latest = admin.listOffsets(last).all().get();
      List<Object> offsets = new ArrayList<>();
      for (TopicPartition partition : first.keySet()) {
        offsets.add(Map.of("partition", partition.partition(), "earliest", earliest.get(partition).offset(),
            "latest", latest.get(partition).offset()));
      }
      return offsets;
    }

    private Object describeCluster() throws Exception {
      DescribeClusterResult cluster = admin.describeCluster();
      List<Object> brokers = new ArrayList<>();
      for (Node node : cluster.nodes().get()) {
        brokers.add(Map.of("id", node.id(), "host", node.host(), "port", node.port()));
      }
      Map<String, Object> described = new HashMap<>();
      described.put("brokers", brokers);
      described.put("controller", Optional.ofNullable(cluster.controller().get()).map(Node::id).orElse(null));
      return described;
    }

    private Object describeGroup(String groupId) throws Exception {
      ConsumerGroupDescription group = admin.describeConsumerGroups(List.of(groupId)).all().get().get(groupId);
      return Map.of("state", group.groupState().toString(), "members", group.members().size());
    }

    private List<Object> groupOffsets(String groupId, String topic) throws Exception {
      List<Object> offsets = new ArrayList<>();
      admin.listConsumerGroupOffsets(groupId).partitionsToOffsetAndMetadata().get().forEach((partition, offset) -> {
        if (offset != null && partition.topic().equals(topic)) {
          offsets.add(Map.of("partition", partition.partition(), "offset", offset.offset()));
        }
      });
      return offsets;
    }

    private List<Object> describeProducers(TopicPartition partition) throws Exception {
      List<Object> producers = new ArrayList<>();
      for (ProducerState state : admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers()) {
        producers.add(Map.of("producerId", state.producerId(), "epoch", state.producerEpoch(),
            "lastSequence", state.lastSequence()));
      }
      return producers;
    }

    @Override
    public void close() {
      admin.close(ADMIN_TIMEOUT);
    }
  }

  private static List<Integer> ids(List<Node> nodes) {
    List<Integer> ids = new ArrayList<>();
    nodes.forEach((node) -> ids.add(node.id()));
    return ids;
  }

  // Shared -----------------------------------------------------------------------------------------------------------

  private static Properties settings(JsonNode options, String role) {
    Properties settings = new Properties();
    List<String> bootstrap = new ArrayList<>();
    options.get("bootstrap").forEach((address) -> bootstrap.add(address.asText()));
    settings.put("bootstrap.servers", String.join(",", bootstrap));
    settings.put("client.id", options.path("clientId").asText("java-" + role));
    settings.put("retry.backoff.ms", "50");
    settings.put("reconnect.backoff.ms", "50");
    settings.put("reconnect.backoff.max.ms", "500");
    options.path("security").properties().forEach((entry) -> settings.put(entry.getKey(), entry.getValue().asText()));
    return settings;
  }

  private static void override(Properties settings, JsonNode options) {
    options.path("properties").properties().forEach((entry) -> settings.put(entry.getKey(), entry.getValue().asText()));
  }

  private static void put(Properties settings, String name, JsonNode value) {
    if (value != null && !value.isNull()) settings.put(name, value.asText());
  }

  private static byte[] bytes(JsonNode text) {
    return text == null || text.isNull() ? null : Base64.getDecoder().decode(text.asText());
  }

  private static String text(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }

  private static ObjectNode error(Throwable thrown) {
    Throwable cause = thrown;
    while ((cause instanceof ExecutionException || cause instanceof CompletionException) && cause.getCause() != null) {
      cause = cause.getCause();
    }
    Errors known = Errors.forException(cause);
    ObjectNode error = JSON.createObjectNode();
    if (known == Errors.UNKNOWN_SERVER_ERROR) error.putNull("code");
    else error.put("code", known.code());
    error.put("name", cause.getClass().getSimpleName());
    error.put("message", String.valueOf(cause.getMessage()));
    return error;
  }
}
