"""The feeds that the server can show, and the contract that each of them fulfils."""
