//! PTYs: opens one, starts a program in it, reads and writes it. Unix and Windows behind one face.
