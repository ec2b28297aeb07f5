"""The ListValue feed's protocol: `server_stream.proto` and the code generated from it."""
