"""What the keys do that keep what was seen: recording, exporting, copying, taking a picture."""

from __future__ import annotations

from textual.widget import Widget

from grpctap.screens.clipboard import copy_log
from grpctap.screens.recording import begin_recording, is_recording
from grpctap.screens.stream import StreamScreen
from grpctap.widgets.stream_log import StreamLog


class KeepKeys(StreamScreen):
    """A screen of a stream that can be kept."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything now."""
        match action:
            case "record":
                return self.tap.can_record and not is_recording(self.tap)
            case "stop_recording":
                return is_recording(self.tap)
        return super().check_action(action, parameters)

    def look(self) -> None:
        """Shows how the stream stands now."""
        raise NotImplementedError

    def action_record(self) -> None:
        """Records the stream into a file in the current folder."""
        begin_recording(self.app, self.tap, self.method)
        self.look()

    def action_stop_recording(self) -> None:
        """Records no more."""
        self.tap.stop_recording()
        self.look()

    def action_export(self) -> None:
        """Writes the values that the log shows to a file."""
        # Start-up does not wait for what is not looked at yet.
        from grpctap.screens.export import export_log

        if not self._has_values("export"):
            return
        export_log(self.app, self.query_one(StreamLog), self.tap.schema, self.method)

    def action_copy_messages(self) -> None:
        """Copies the selected messages, or the one at the cursor, or the newest in sight."""
        if not self._has_values("copy"):
            return
        copying = copy_log(self.app, self.query_one(StreamLog), self.tap.schema)
        self.run_worker(copying, exclusive=True, group="copy", exit_on_error=False)

    def action_picture(self) -> None:
        """Writes the screen to a file, as SVG."""
        self._picture()

    def _picture(self, widget: Widget | None = None) -> None:
        from grpctap.screens.picture import take_picture

        take_picture(self.app, self.method, widget)

    def _has_values(self, verb: str) -> bool:
        """Whether the log shows any value; where it does not, that is said."""
        if self.query_one(StreamLog).selected is not None:
            return True
        self.notify(f"The log shows no value to {verb}", severity="warning", timeout=2)
        return False
