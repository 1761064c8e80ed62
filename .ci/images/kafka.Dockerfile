# Apache Kafka from its jars. How a node is configured: see start-kafka.sh.
FROM kontrakt-test/java:17
COPY libs /opt/kafka/libs
COPY start-kafka.sh /usr/local/bin/start-kafka.sh
RUN useradd -m kafka && mkdir -p /var/lib/kafka && chown kafka /var/lib/kafka && chmod +x /usr/local/bin/start-kafka.sh
USER kafka
EXPOSE 9092
CMD ["/usr/local/bin/start-kafka.sh"]
