"""What is sent to do harm, walked over all operations: each is refused, and told to nobody."""
