// Checks the log of an unpacked bundle with the Go team's own packages: the checkpoint's signature, the
// inclusion of every record, and, when the bundle begins with the log, the root over all leaf hashes.
//
//	logcheck BUNDLE-FOLDER LOG.VKEY
package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	return value
}

func check(err error) { must(0, err) }

func main() {
	data := filepath.Join(os.Args[1], "data")
	read := func(path ...string) string {
		return string(must(os.ReadFile(filepath.Join(append([]string{data}, path...)...))))
	}
	var verifiers []note.Verifier
	for _, line := range strings.Fields(string(must(os.ReadFile(os.Args[2])))) {
		verifiers = append(verifiers, must(note.NewVerifier(line)))
	}
	checkpoint := read("log", "checkpoint")
	signed := must(note.Open([]byte(checkpoint), note.VerifierList(verifiers...)))
	text := strings.Split(signed.Text, "\n")
	size := must(strconv.ParseInt(text[1], 10, 64))
	root := must(tlog.ParseHash(text[2]))

	proofs := must(filepath.Glob(filepath.Join(data, "proofs", "*.tlog-proof")))
	for _, path := range proofs {
		lines := strings.Split(string(must(os.ReadFile(path))), "\n")
		index := must(strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64))
		var proof tlog.RecordProof
		rest := lines[2:]
		for ; rest[0] != ""; rest = rest[1:] {
			proof = append(proof, must(tlog.ParseHash(rest[0])))
		}
		if strings.Join(rest[1:], "\n") != checkpoint {
			check(fmt.Errorf("%s: not under the closing checkpoint", path))
		}
		record := read("records", fmt.Sprintf("%012d.json", index))
		if err := tlog.CheckRecord(proof, size, root, index, tlog.RecordHash([]byte(record))); err != nil {
			check(fmt.Errorf("%s: %w", path, err))
		}
	}
	fmt.Println("note.Open: 1 checkpoint; tlog.CheckRecord:", len(proofs), "proofs")

	if read("log", "frontier.txt") != "" {
		return
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for _, index := range indexes {
			hashes = append(hashes, stored[index])
		}
		return hashes, nil
	})
	leaves := strings.Fields(read("log", "leafhashes.txt"))
	for n, leaf := range leaves {
		hash := tlog.Hash(*(*[32]byte)(must(hex.DecodeString(leaf))))
		stored = append(stored, must(tlog.StoredHashesForRecordHash(int64(n), hash, reader))...)
	}
	if found := must(tlog.TreeHash(size, reader)); int64(len(leaves)) != size || found != root {
		check(fmt.Errorf("leafhashes.txt does not lead to the signed root"))
	}
	fmt.Println("tlog.TreeHash:", len(leaves), "leaves")
}
