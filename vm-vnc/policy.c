/* SPDX-License-Identifier: ISC */
/* Who may come; the contracts are in policy.h, the words of options in policy_words.c. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/timer.h"
#include "vm-vnc/clerk.h"
#include "vm-vnc/peer.h"
#include "vm-vnc/policy.h"
#include "vm-vnc/secret_file.h"

#define PASSWORD_FILE_MAX 4096
#define USERS_FILE_MAX (256U << 10)

void
policy_set_password(char password[VNCAUTH_PASSWORD + 1], const char *text)
{
	size_t len = strcspn(text, "\r\n");

	if (len > VNCAUTH_PASSWORD)
		warn("of a VNC password %d characters count: those behind them are ignored (-O users= has no such limit)", VNCAUTH_PASSWORD);
	memset(password, 0, VNCAUTH_PASSWORD + 1);
	memcpy(password, text, len < VNCAUTH_PASSWORD ? len : VNCAUTH_PASSWORD);
}

static void
read_password(const char *word, const char *file, char password[VNCAUTH_PASSWORD + 1])
{
	size_t len;
	char *text;

	if (!file)
		return;
	text = secret_file_read(word, file, PASSWORD_FILE_MAX, &len);
	policy_set_password(password, text);
	secret_file_wipe(text, len);
	if (!*password)
		die("-O %s=%s: no password in its first line", word, file);
}

static void
read_users(struct policy *f)
{
	const char *why;
	unsigned line;

	if (!f->users_file)
		return;
	f->users = calloc(1, sizeof(*f->users));
	if (!f->users)
		die("out of memory");
	f->users_text = secret_file_read("users", f->users_file, USERS_FILE_MAX, &f->users_len);
	why = users_parse(f->users, f->users_text, &line);
	if (why)
		die("-O users=%s: line %u: %s", f->users_file, line, why);
}

/* A list of names that nobody could be on would keep all out, or, worse, none. */
static void
check_sense(const struct policy *f)
{
	if (f->allow.n && !f->files.ca && !policy_plain(f))
		die_usage("-O allow=: nobody has a name without -O ca=, users= or sasl");
	if (f->allow.n && f->vnc && !f->files.ca)
		die_usage("-O allow=: who knows the VNC password has no name without -O ca=");
	if (f->users && f->sasl)
		die_usage("-O users= and sasl: one of them");
	if (f->vnc && f->view[0] && !f->password[0])
		die_usage("-O view-password=: and -O password= for those who may do more");
}

void
policy_prepare(struct policy *f)
{
	const char *folder = f->folder ? f->folder : POLICY_FOLDER;

	f->vnc = f->password_file || f->view_file;
	read_password("password", f->password_file, f->password);
	read_password("view-password", f->view_file, f->view);
	read_users(f);
	check_sense(f);
	tls_prepare(&f->tls, &f->files);
	if (f->sasl)
		clerk_sasl_prepare(f->mechanisms);
	f->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->folder_fd < 0 && f->folder)
		die_sys("-d %s", folder);
	f->throttle = throttle_new();
	if (!f->throttle)
		die("out of memory");
}

const char *
policy_may_listen(const struct policy *f, const union address *a)
{
	if (peer_is_local(a) || f->insecure || f->vnc || f->files.ca || f->naddresses)
		return NULL;
	if (!policy_plain(f))
		return "anybody could connect: give -O password=, users=, sasl or ca=, or -a, or say -O insecure";
	return f->files.cert || f->files.anonymous ? NULL :
	    "names and passwords only over TLS: give -O cert= and key=, or -O tls, or say -O insecure";
}

int
policy_meet(const struct policy *f, const union address *a)
{
	union address plain = peer_plain(a);
	struct prefix p;
	bool listed = !f->naddresses || plain.sa.sa_family == AF_UNIX;

	if (!listed)
		p = prefix_of(&plain);
	for (size_t i = 0; !listed && i < f->naddresses; i++)
		listed = prefix_has(&f->addresses[i], &p);
	return listed ? throttle_begin(f->throttle, &plain, timer_now()) : -1;
}

void
policy_forget(struct policy *f)
{
	explicit_bzero(f->password, sizeof(f->password));
	explicit_bzero(f->view, sizeof(f->view));
	if (f->users_text)
		secret_file_wipe(f->users_text, f->users_len);
	/* That there are users is no secret, and what the gate offers depends on it. */
	f->users_text = NULL;
	f->users_len = 0;
	if (f->throttle)
		throttle_forget(f->throttle);
	f->throttle = NULL;
	if (f->folder_fd >= 0)
		close(f->folder_fd);
	f->folder_fd = -1;
}
