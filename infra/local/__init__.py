"""The local stack: Kafka, schema registry, S3, ClickHouse and the partner APIs as real servers on 127.0.0.1."""
