"""What people ask of connections and do to them, for all faces: commands, API, dashboard."""
