//! What is known of the cluster: filled by the frames of the feed, read by every screen, written by
//! nobody else.
