/* SPDX-License-Identifier: ISC */
/*
 * What the gate, which speaks with the network and has nothing, asks the clerk, which has the passwords and files and speaks
 * with nobody else: a message each, on a socket of packets.
 */
#ifndef VM_VNC_ASK_H
#define VM_VNC_ASK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ASK_DATA_MAX 8192

enum ask_kind {
	ASK_CHALLENGE = 1, /* answered with VNCAUTH_BYTES */
	ASK_RESPONSE,	   /* as many: was it right? */
	ASK_PLAIN,	   /* a name, NUL, a password, NUL: is it right? */
	ASK_CERTIFICATE,   /* names that one bears, verified already, each with its NUL: may one of them come in? */
	ASK_MECHANISMS,	   /* answered with the mechanisms of SASL */
	ASK_START,	   /* SASL: a mechanism, NUL, and what the client said at once with a NUL behind it, if anything */
	ASK_STEP,	   /* SASL: what it said then, in the same way */
	ASK_FILE,	   /* a path as HTTP has it: answered with a descriptor and struct ask_file */
	ASK_ADMIT,	   /* struct ask_admit: the end of the gate's questions, if answered ASK_YES */
	ASK_ENDED,	   /* no question: it came to nothing, and why, in words */
};

enum ask_verdict {
	ASK_NO,
	ASK_YES,
	ASK_MORE, /* SASL: another step is needed */
};

struct ask_file {
	uint64_t size, mtime;
};

struct ask_admit {
	uint32_t minor, pumped; /* the version; whether the gate goes on carrying the bytes */
	char how[32];
};

struct ask_message {
	uint32_t kind; /* ask_kind, or ask_verdict in an answer */
	uint8_t data[ASK_DATA_MAX];
};

/* Asks: the verdict, the answer's data in m->data, their length in *len; a file's descriptor in *fd, if that is not NULL, else
 * -1. A clerk who is gone says ASK_NO. */
enum ask_verdict ask(int sock, enum ask_kind kind, const void *data, size_t n, struct ask_message *m, size_t *len, int *fd);

/* A question or an answer of the other side: the length of its data; -1: gone, or not one. */
ssize_t ask_recv(int sock, struct ask_message *m, int *fd);
int ask_send(int sock, uint32_t kind, const void *data, size_t n, int fd);

#endif
