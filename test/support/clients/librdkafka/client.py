"""librdkafka as a program that is spoken to in JSON lines.

One call per line on stdin, one answer per line on stdout, matched by id, calls in parallel. Bytes travel as base64.
It ends when stdin does.
"""

import base64
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, OffsetSpec

ADMIN_TIMEOUT_S = 10
POLL_S = 0.1

sessions = {}
sessions_lock = threading.Lock()
output_lock = threading.Lock()


def main():
    # Calls on consumers and flushes block; more at once than any test opens.
    with ThreadPoolExecutor(max_workers=64) as calls:
        for line in sys.stdin:
            calls.submit(answer, json.loads(line))
        # Nobody listens any more: open producers would wait for their deliveries.
        os._exit(0)


def answer(call):
    reply = {"id": call["id"]}
    try:
        reply["result"] = run(call["call"], call["with"])
    except BaseException as thrown:
        reply["error"] = error_of(thrown)
    with output_lock:
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


def run(call, options):
    if call == "producer.open":
        return opened(ProducerSession(options))
    if call == "consumer.open":
        return opened(ConsumerSession(options))
    if call == "admin.open":
        return opened(AdminSession(options))
    session = sessions[options["session"]]
    if call == "close":
        with sessions_lock:
            del sessions[options["session"]]
        session.close()
        return None
    return getattr(session, call)(options)


def opened(session):
    with sessions_lock:
        name = f"s{len(sessions)}-{id(session)}"
        sessions[name] = session
        return name


class ProducerSession:
    def __init__(self, options):
        settings = settings_of(options, "producer")
        settings.update(
            {
                "acks": options["acks"],
                "enable.idempotence": options["idempotence"],
                "compression.type": options["codec"],
                "linger.ms": options.get("lingerMs", 5),
                "message.timeout.ms": options.get("deliveryTimeoutMs", 15_000),
                "request.timeout.ms": options.get("requestTimeoutMs", 5_000),
                # Else a topic that is not there is waited for, for half a minute.
                "topic.metadata.propagation.max.ms": 500,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        optional = {
            "batch.size": "batchBytes",
            "batch.num.messages": "batchRecords",
            "max.in.flight.requests.per.connection": "inflight",
            "message.max.bytes": "maxRequestBytes",
            "transactional.id": "transactionalId",
        }
        for name, option in optional.items():
            if options.get(option) is not None:
                settings[name] = options[option]
        if settings.get("transactional.id"):
            # It may not be longer than a transaction.
            settings["transaction.timeout.ms"] = max(60_000, settings["message.timeout.ms"])
        settings.update(options.get("properties") or {})
        self.producer = Producer(settings)
        self.timeout = settings["message.timeout.ms"] / 1000 + 5
        if settings.get("transactional.id"):
            self.producer.init_transactions(self.timeout)

    def send(self, options):
        records = options["records"]
        results = [None] * len(records)
        for index, record in enumerate(records):
            try:
                self.produce(record, reporter(results, index))
            except (KafkaException, BufferError, ValueError) as thrown:
                results[index] = {"error": error_of(thrown)}
        self.producer.flush(self.timeout)
        unanswered = {"error": {"code": None, "name": "no delivery report", "message": "no delivery report"}}
        return [unanswered if result is None else result for result in results]

    def produce(self, record, report):
        optional = {name: record[name] for name in ("partition", "timestamp") if record.get(name) is not None}
        while True:
            try:
                return self.producer.produce(
                    record["topic"],
                    key=bytes_of(record["key"]),
                    value=bytes_of(record["value"]),
                    headers=[(name, bytes_of(value)) for name, value in record.get("headers") or []],
                    on_delivery=report,
                    **optional,
                )
            except BufferError:
                self.producer.poll(POLL_S)

    def begin(self, _options):
        self.producer.begin_transaction()

    def commit(self, _options):
        self.producer.commit_transaction(self.timeout)

    def abort(self, _options):
        self.producer.abort_transaction(self.timeout)

    def sendOffsets(self, options):
        session = sessions[options["consumer"]]
        self.producer.send_offsets_to_transaction(
            session.next_offsets(), session.consumer.consumer_group_metadata(), self.timeout
        )

    def close(self):
        self.producer.purge()
        self.producer.flush(1)


def reporter(results, index):
    def report(error, message):
        if error is None:
            offset = message.offset()
            # Without an acknowledgement nobody knows it.
            results[index] = {"partition": message.partition(), "offset": -1 if offset is None else offset}
        else:
            results[index] = {"error": kafka_error(error)}

    return report


class ConsumerSession:
    def __init__(self, options):
        settings = settings_of(options, "consumer")
        settings.update(
            {
                "group.id": options["groupId"],
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed" if options["committedOnly"] else "read_uncommitted",
                "fetch.wait.max.ms": 200,
            }
        )
        if options.get("protocol") == "consumer":
            settings["group.protocol"] = "consumer"
        else:
            settings.update({"session.timeout.ms": 10_000, "heartbeat.interval.ms": 500})
        settings.update(options.get("properties") or {})
        self.consumer = Consumer(settings)
        self.lock = threading.Lock()
        self.ready = []
        self.positions = {}
        if options.get("topics"):
            self.consumer.subscribe(options["topics"], on_revoke=self.revoked)
        else:
            self.consumer.assign([TopicPartition(one["topic"], one["partition"], 0) for one in options["partitions"]])

    # A position of a partition that went to another member must not be committed.
    def revoked(self, _consumer, partitions):
        for partition in partitions:
            self.positions.pop((partition.topic, partition.partition), None)

    def read(self, options):
        with self.lock:
            deadline = time.monotonic() + options["timeoutMs"] / 1000
            records = []
            while len(records) < options["count"]:
                if self.ready:
                    message = self.ready.pop(0)
                    self.positions[(message.topic(), message.partition())] = message.offset() + 1
                    records.append(incoming(message))
                elif time.monotonic() < deadline:
                    self.poll()
                else:
                    break
            return records

    def poll(self):
        for message in self.consumer.consume(500, POLL_S):
            error = message.error()
            # A topic that this consumer's metadata does not know yet is asked for again.
            if error is None:
                self.ready.append(message)
            elif error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise KafkaException(error)

    def assignment(self, options):
        with self.lock:
            deadline = time.monotonic() + options["timeoutMs"] / 1000
            self.poll()
            while not self.consumer.assignment() and time.monotonic() < deadline:
                self.poll()
            return [{"topic": one.topic, "partition": one.partition} for one in self.consumer.assignment()]

    def next_offsets(self):
        return [TopicPartition(topic, partition, offset) for (topic, partition), offset in self.positions.items()]

    def commit(self, _options):
        with self.lock:
            for partition in self.consumer.commit(offsets=self.next_offsets(), asynchronous=False):
                if partition.error is not None:
                    raise KafkaException(partition.error)

    def close(self):
        with self.lock:
            self.consumer.close()


def incoming(message):
    return {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "key": text_of(message.key()),
        "value": text_of(message.value()),
        "headers": [[name, text_of(value)] for name, value in message.headers() or []],
        "timestamp": message.timestamp()[1],
    }


class AdminSession:
    def __init__(self, options):
        self.admin = AdminClient(settings_of(options, "admin"))

    def createTopics(self, options):
        topics = [
            NewTopic(
                one["name"],
                num_partitions=len(one["replicas"]),
                replica_assignment=one["replicas"],
                config=one.get("config") or {},
            )
            for one in options["topics"]
        ]
        for future in self.admin.create_topics(topics, request_timeout=ADMIN_TIMEOUT_S).values():
            future.result()

    def deleteTopics(self, options):
        for future in self.admin.delete_topics(options["names"], request_timeout=ADMIN_TIMEOUT_S).values():
            future.result()

    def describe(self, topic):
        futures = self.admin.describe_topics(TopicCollection([topic]), request_timeout=ADMIN_TIMEOUT_S)
        return futures[topic].result()

    def describeTopic(self, options):
        partitions = [
            {
                "partition": one.id,
                "leader": one.leader.id,
                "replicas": [node.id for node in one.replicas],
                "isr": [node.id for node in one.isr],
            }
            for one in self.describe(options["name"]).partitions
        ]
        return {"name": options["name"], "partitions": partitions}

    def listOffsets(self, options):
        partitions = [TopicPartition(options["topic"], one.id) for one in self.describe(options["topic"]).partitions]
        earliest = self.offsets(partitions, OffsetSpec.earliest())
        latest = self.offsets(partitions, OffsetSpec.latest())
        return [{"partition": one, "earliest": earliest[one], "latest": latest[one]} for one in earliest]

    def offsets(self, partitions, spec):
        futures = self.admin.list_offsets({one: spec for one in partitions}, request_timeout=ADMIN_TIMEOUT_S)
        return {partition.partition: future.result().offset for partition, future in futures.items()}

    def topicConfig(self, options):
        resource = ConfigResource(ConfigResource.Type.TOPIC, options["topic"])
        futures = self.admin.describe_configs([resource], request_timeout=ADMIN_TIMEOUT_S)
        return {name: entry.value for name, entry in futures[resource].result().items()}

    def describeCluster(self, _options):
        cluster = self.admin.describe_cluster(request_timeout=ADMIN_TIMEOUT_S).result()
        return {
            "brokers": [{"id": node.id, "host": node.host, "port": node.port} for node in cluster.nodes],
            "controller": None if cluster.controller is None else cluster.controller.id,
        }

    def listGroups(self, _options):
        listing = self.admin.list_consumer_groups(request_timeout=ADMIN_TIMEOUT_S).result()
        return sorted(group.group_id for group in listing.valid)

    def describeGroup(self, options):
        groups = self.admin.describe_consumer_groups([options["groupId"]], request_timeout=ADMIN_TIMEOUT_S)
        group = groups[options["groupId"]].result()
        return {"state": group.state.name, "members": len(group.members)}

    def groupOffsets(self, options):
        wanted = [ConsumerGroupTopicPartitions(options["groupId"])]
        futures = self.admin.list_consumer_group_offsets(wanted, request_timeout=ADMIN_TIMEOUT_S)
        partitions = futures[options["groupId"]].result().topic_partitions
        return [
            {"partition": one.partition, "offset": one.offset}
            for one in partitions
            if one.topic == options["topic"] and one.offset >= 0
        ]

    def close(self):
        pass


def settings_of(options, role):
    return {
        "bootstrap.servers": ",".join(options["bootstrap"]),
        "client.id": options.get("clientId") or f"librdkafka-{role}",
        "retry.backoff.ms": 50,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,
        **(options.get("security") or {}),
    }


def bytes_of(text):
    return None if text is None else base64.b64decode(text)


def text_of(data):
    return None if data is None else base64.b64encode(data).decode("ascii")


def error_of(thrown):
    if isinstance(thrown, KafkaException):
        return kafka_error(thrown.args[0])
    # The binding hides what went wrong in a callback behind a SystemError.
    cause = "" if thrown.__cause__ is None else f": {thrown.__cause__!r}"
    return {"code": None, "name": type(thrown).__name__, "message": f"{thrown}{cause}"}


def kafka_error(error):
    return {"code": error.code(), "name": error.name(), "message": error.str()}


main()
