"""What the gateway learns from outcomes: what to expect of each model, kept in versions that can be taken back."""
