"""In which partition a key is: where every producer of ours puts it, so that a reader need not look elsewhere."""

from aiokafka.partitioner import murmur2


def partition_of(key: str, partitions: int) -> int:
    """The partition that our producers, Faust and the Java clients choose for a key: murmur2."""
    return (int(murmur2(key.encode())) & 0x7FFFFFFF) % partitions
