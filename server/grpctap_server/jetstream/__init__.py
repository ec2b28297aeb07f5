"""NATS JetStream, as the feed reads it and the publisher writes it."""
