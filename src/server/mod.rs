//! The server: HTTP, WebSocket, the dashboard, and the relay between viewers and agents.
