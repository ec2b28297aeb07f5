"""What a stream is, without a network and without a screen."""
