"""The NATS side: subscriptions, dispatch, discovery, and the relay of events."""
