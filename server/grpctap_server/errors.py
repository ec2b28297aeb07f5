"""How calls fail: a code, words for people, and a google.rpc.ErrorInfo for programs."""

from __future__ import annotations

from typing import cast

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

ERROR_DOMAIN = "grpctap"


class CallError(Exception):
    """Ends a call with a status that says why in words and in an ErrorInfo."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, message: str, **metadata: object
    ) -> None:
        super().__init__(message)
        self.code = code
        self.info = error_details_pb2.ErrorInfo(
            reason=reason,
            domain=ERROR_DOMAIN,
            metadata={key: str(value) for key, value in metadata.items()},
        )

    def status(self) -> grpc.Status:
        """What a context takes to end the call so."""
        detail = any_pb2.Any()
        detail.Pack(self.info)
        code, _ = self.code.value
        status = status_pb2.Status(code=code, message=str(self), details=[detail])
        return cast("grpc.Status", rpc_status.to_status(status))
