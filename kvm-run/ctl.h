/* SPDX-License-Identifier: ISC */
/*
 * The control protocol: a request is a line, its answer lines of tab-separated fields and then `ok` or `no WHY`. Over ctl
 * wires. Everything is on the main thread; a client who does not read is just not answered.
 */
#ifndef KVM_RUN_CTL_H
#define KVM_RUN_CTL_H

#include <stdbool.h>
#include <stddef.h>

#define CTL_LINE_MAX 4096    /* bytes of a request, with its newline */
#define CTL_ANSWER_MAX (1 << 19) /* and of its answer: the statistics of the most vCPUs there can be */
#define CTL_CLIENTS_MAX 16   /* at once; more wait to be accepted */
#define CTL_EJECT_SECONDS 10 /* for the guest to let go of a device; then the answer to unplug is `no` */

struct ctl_answer;
struct vm;

/* Makes vm->ctl, which serves vm's ctl wires, and removes the devices that the guest ejects. After lpc_init. NULL, or the
 * reason in why. */
const char *ctl_create(struct vm *vm, char *why, size_t size);

/* Closes everything. Nothing without vm->ctl. */
void ctl_destroy(struct vm *vm);

/* Something may have come that a request waits for. Any thread; nothing without vm->ctl. */
void ctl_wake(struct vm *vm);

/* --- between connections (ctl.c) and requests (ctl_request.c) --- */

/* Appends to the answer under way. */
void ctl_print(struct ctl_answer *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum ctl_done {
	CTL_OK,	  /* say `ok` and what is in text, if anything */
	CTL_NO,	  /* say `no` and text */
	CTL_WAIT, /* as request.wait says */
};

/* What is asked after ctl_wake and once a second. Main thread. */
struct ctl_wait {
	enum ctl_done (*done)(struct vm *vm, unsigned what); /* it came: CTL_OK; it never will: CTL_NO, and text is said */
	const char *(*reason)(struct vm *vm); /* of CTL_NO, in place of text, or NULL */
	void (*print)(struct vm *vm, struct ctl_answer *a); /* what is said before `ok`, or NULL */
	unsigned what;	  /* a slot, a count... */
	unsigned seconds; /* then the answer is `no` and text; without text `ok` */
};

struct ctl_request {
	struct vm *vm;
	struct ctl_answer *answer;
	const int *fds; /* that came with it */
	size_t nfds;
	bool fds_taken; /* out: by a device, or closed */
	struct ctl_wait wait; /* out */
	char text[256];	      /* out */
};

/* The text of a refusal. */
enum ctl_done ctl_no(struct ctl_request *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Does what the line (NUL-terminated, without its newline; it is cut up) asks for. */
enum ctl_done ctl_request(struct ctl_request *r, char *line);

#endif
