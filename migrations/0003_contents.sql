-- Who holds contents: asked at every erasure, and of many records when retention ends.
CREATE INDEX file_contents ON file (sha256);
