/* SPDX-License-Identifier: ISC */
/* The front as a whole; the contracts are in front.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-vnc/doors.h"
#include "vm-vnc/meeting.h"

/* What the front is, of which a program has one. */
static struct {
	struct policy policy;
	struct doors doors;
	struct meetings meetings;
	struct wanted {
		char letter;
		const char *word;
	} wanted[DOORS_MAX]; /* -l and -W, until the policy is known */
	size_t nwanted;
} front = {.policy.folder_fd = -1};

bool
front_option(int letter, char *word)
{
	if (letter != 'l' && letter != 'W')
		return policy_option(&front.policy, letter, word);
	if (front.nwanted == DOORS_MAX)
		die_usage("-%c %s: more than %d listeners", letter, word, DOORS_MAX);
	front.wanted[front.nwanted++] = (struct wanted){(char)letter, word};
	return true;
}

/* Where a browser is to be pointed. Any address of ours will do for a listener of all of them. */
static void
print_url(const char *word)
{
	const char *scheme = front.policy.tls.x509 ? "https" : "http";
	union address a;
	const char *why;
	char text[ADDRESS_TEXT_MAX];

	if (!doors_parse(&a, word, false, &why))
		return; /* a path, or a descriptor */
	if (address_is_any(&a))
		snprintf(text, sizeof(text), "localhost:%u", address_port(&a));
	else
		address_format(&a, text, sizeof(text));
	warn("%s://%s/", scheme, text);
}

void
front_open(void)
{
	struct why w;

	policy_prepare(&front.policy);
	doors_init(&front.doors, &front.policy);
	for (size_t i = 0; i < front.nwanted; i++) {
		const struct wanted *l = &front.wanted[i];
		const char *why = doors_open(&front.doors, l->word, l->letter == 'W', NULL, &w);

		if (why)
			die("-%c %s: %s", l->letter, l->word, why);
		if (l->letter == 'W')
			print_url(l->word);
	}
}

void
front_print(FILE *out)
{
	policy_print(&front.policy, out);
	doors_print(&front.doors, out);
}

size_t
front_keep(int *keep)
{
	size_t n = 0;

	if (front.policy.folder_fd >= 0)
		keep[n++] = front.policy.folder_fd;
	for (size_t i = 0; i < DOORS_MAX; i++)
		if (front.doors.list[i].fd >= 0)
			keep[n++] = front.doors.list[i].fd;
	return n;
}

int
front_start(struct loop *l, front_admitted *admitted, void *arg)
{
	meetings_init(&front.meetings, &front.policy, l, admitted, arg);
	return doors_serve(&front.doors, &front.meetings);
}

bool
front_has_plugins(void)
{
	return front.policy.sasl;
}

void
front_stop(void)
{
	doors_end(&front.doors);
	meetings_end(&front.meetings);
}

static const char *
call(const char *word)
{
	const char *why;
	union address a;

	if (strchr(word, '/'))
		return address_parse_path(&a, word, strlen(word), &why) ? meeting_call(&front.meetings, &a) : why;
	/* Viewers listen at 5500; a smaller number is one of theirs, counted from there, as they have it. */
	return doors_parse(&a, word, false, &why) ? meeting_call(&front.meetings, &a) : why;
}

bool
front_control(char *line, struct control_fds *fds, FILE *out, const char **why)
{
	static struct why w;
	char *rest = line + strcspn(line, " ");

	if (*rest)
		*rest++ = '\0';
	*why = NULL;
	if (!strcmp(line, "listen"))
		*why = doors_open(&front.doors, rest, false, fds, &w);
	else if (!strcmp(line, "browser"))
		*why = doors_open(&front.doors, rest, true, fds, &w);
	else if (!strcmp(line, "close"))
		*why = doors_close(&front.doors, rest);
	else if (!strcmp(line, "listeners"))
		doors_print(&front.doors, out);
	else if (!strcmp(line, "connect"))
		*why = call(rest);
	else if (!policy_control(&front.policy, line, rest, fds, why)) {
		if (*rest || rest > line + strlen(line))
			rest[-1] = ' ';
		return false;
	}
	return true;
}

void
front_forked(void)
{
	policy_forget(&front.policy);
	tls_wipe(&front.policy.tls);
	doors_forked(&front.doors);
	meetings_forked(&front.meetings);
}
