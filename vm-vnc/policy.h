/* SPDX-License-Identifier: ISC */
/*
 * Who may come, how that is proved, and in what the bytes are wrapped: what the user asked for, read and ready. One in a program;
 * the processes that are forked for a viewer have copies.
 */
#ifndef VM_VNC_POLICY_H
#define VM_VNC_POLICY_H

#include <stdio.h>

#include "common/control.h"
#include "common/prefix.h"
#include "vm-vnc/names.h"
#include "vm-vnc/throttle.h"
#include "vm-vnc/tls.h"
#include "vm-vnc/users.h"
#include "vm-vnc/vncauth.h"

#define POLICY_ADDRESSES 64
#define POLICY_ORIGINS 16
#define POLICY_FOLDER "/usr/share/novnc"

struct policy {
	/* said by options */
	const char *password_file, *view_file, *users_file;
	const char *folder; /* NULL: POLICY_FOLDER, if it is there */
	const char *mechanisms; /* of SASL; NULL: those of its configuration */
	struct tls_files files;
	bool sasl, insecure;
	struct prefix addresses[POLICY_ADDRESSES];
	size_t naddresses;
	struct names allow;
	const char *origins[POLICY_ORIGINS];
	size_t norigins;
	/* prepared */
	bool vnc; /* a VNC password is asked for; where both of them are empty nobody knows it */
	char password[VNCAUTH_PASSWORD + 1], view[VNCAUTH_PASSWORD + 1];
	struct users *users; /* NULL: none */
	char *users_text;
	size_t users_len;
	struct tls tls;
	int folder_fd; /* -1: there is none */
	struct throttle *throttle;
};

/* -a, -d and -O; false for other letters. The word stays the caller's. Dies (usage) of a bad one. */
bool policy_option(struct policy *f, int letter, char *word);

/* After all options: reads the files, makes what is costly. Dies. */
void policy_prepare(struct policy *f);

/* Lines of words between tabs, none of them secret. */
void policy_print(const struct policy *f, FILE *out);

/* NULL, or why nothing is to listen at this address: it is beyond loopback, and nothing protects it. */
const char *policy_may_listen(const struct policy *f, const union address *a);

/* The number of the meeting (throttle.h) with somebody of this address; -1: he is not to be met. */
int policy_meet(const struct policy *f, const union address *a);

/* The control socket's `password` and `view-password`: true, and NULL or why not in *no. */
bool policy_control(struct policy *f, const char *verb, char *rest, struct control_fds *fds, const char **no);

/* The first line of text; warns where it is longer than what counts. */
void policy_set_password(char password[VNCAUTH_PASSWORD + 1], const char *text);

/* Forgets, in this process, all that is nobody's business but the clerk's. */
void policy_forget(struct policy *f);

/* Whether a viewer has to use TLS, a browser wss. */
static inline bool
policy_tls(const struct policy *f)
{
	return f->tls.x509 || f->tls.anonymous;
}

/* Whether a viewer may give a name and a password. */
static inline bool
policy_plain(const struct policy *f)
{
	return f->users || f->sasl;
}

/* Whether a password of any kind is needed. */
static inline bool
policy_password(const struct policy *f)
{
	return f->vnc || policy_plain(f);
}

#endif
