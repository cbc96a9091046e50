//! FROZEN. placeholder
