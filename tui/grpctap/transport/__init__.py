"""How a call is made: channel, credentials, reader thread."""
