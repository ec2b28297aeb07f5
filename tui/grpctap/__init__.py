"""grpctap: watch gRPC server streams live in the terminal."""

__version__ = "0.1.0"
