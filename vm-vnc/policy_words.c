/* SPDX-License-Identifier: ISC */
/* The policy's options, and its words on the control socket; the contracts are in policy.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-vnc/policy.h"

static void
set_word(const char *name, const char *word, const char **where)
{
	if (!*word)
		die_usage("-O %s=: empty", name);
	if (*where)
		die_usage("-O %s=%s: given twice", name, word);
	*where = word;
}

static void
add_name(struct policy *f, const char *word)
{
	const char *why = names_add(&f->allow, word);

	if (why)
		die_usage("-O allow=%s: %s", word, why);
}

static void
add_origin(struct policy *f, const char *word)
{
	if (f->norigins == POLICY_ORIGINS)
		die_usage("-O origin=%s: more than %d of them", word, POLICY_ORIGINS);
	if (strcmp(word, "*") && strncmp(word, "http://", 7) && strncmp(word, "https://", 8))
		die_usage("-O origin=%s: neither http://HOST nor https://HOST nor *", word);
	f->origins[f->norigins++] = word;
}

static bool
set_flag(struct policy *f, const char *word)
{
	if (!strcmp(word, "insecure"))
		f->insecure = true;
	else if (!strcmp(word, "tls"))
		f->files.anonymous = true;
	else if (!strcmp(word, "sasl"))
		f->sasl = true;
	else
		return false;
	return true;
}

static void
set(struct policy *f, char *word)
{
	const struct {
		const char *name;
		const char **where;
	} words[] = {
	    {"password", &f->password_file},
	    {"view-password", &f->view_file},
	    {"users", &f->users_file},
	    {"sasl", &f->mechanisms},
	    {"cert", &f->files.cert},
	    {"key", &f->files.key},
	    {"ca", &f->files.ca},
	    {"crl", &f->files.crl},
	};
	char *value = strchr(word, '=');

	if (!value) {
		if (!set_flag(f, word))
			die_usage("-O %s: no such setting, or one without its =", word);
		return;
	}
	*value++ = '\0';
	if (!strcmp(word, "allow")) {
		add_name(f, value);
		return;
	}
	if (!strcmp(word, "origin")) {
		add_origin(f, value);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(word, words[i].name))
			continue;
		set_word(word, value, words[i].where);
		f->sasl = f->sasl || words[i].where == &f->mechanisms;
		return;
	}
	die_usage("-O %s=%s: no such setting", word, value);
}

static void
add_address(struct policy *f, const char *word)
{
	if (f->naddresses == POLICY_ADDRESSES)
		die_usage("-a %s: more than %d of them", word, POLICY_ADDRESSES);
	if (!prefix_parse(&f->addresses[f->naddresses], word))
		die_usage("-a %s: not an address or ADDRESS/LENGTH", word);
	f->naddresses++;
}

bool
policy_option(struct policy *f, int letter, char *word)
{
	switch (letter) {
	case 'a': add_address(f, word); return true;
	case 'd': f->folder = word; return true;
	case 'O': set(f, word); return true;
	default: return false;
	}
}

void
policy_print(const struct policy *f, FILE *out)
{
	char text[PREFIX_TEXT_MAX];

	if (f->tls.x509)
		fprintf(out, "tls\tx509\t%s\n", f->tls.demand ? "demanded" : "own");
	if (f->tls.anonymous)
		fprintf(out, "tls\tanonymous\n");
	if (f->vnc)
		fprintf(out, "proof\tpassword\n");
	if (f->users)
		fprintf(out, "proof\tusers\t%zu\n", f->users->n);
	if (f->sasl)
		fprintf(out, "proof\tsasl\n");
	for (size_t i = 0; i < f->allow.n; i++)
		fprintf(out, "allow\t%s\n", f->allow.list[i]);
	for (size_t i = 0; i < f->naddresses; i++) {
		prefix_format(&f->addresses[i], text);
		fprintf(out, "address\t%s\n", text);
	}
}

/* `password WORD`, or one that comes through a descriptor; with neither, nobody knows it from now on. */
static const char *
change_password(struct policy *f, char password[VNCAUTH_PASSWORD + 1], char *rest, struct control_fds *fds)
{
	char text[256] = "";
	ssize_t n;

	if (fds->n && *rest)
		return "a password in words and one in a descriptor: one of them";
	n = fds->n ? fd_read_all(fds->v[0], text, sizeof(text) - 1) : 0;
	if (n < 0)
		return strerror(errno);
	policy_set_password(password, fds->n ? text : rest);
	f->vnc = true;
	explicit_bzero(text, sizeof(text));
	explicit_bzero(rest, strlen(rest));
	return NULL;
}

bool
policy_control(struct policy *f, const char *verb, char *rest, struct control_fds *fds, const char **no)
{
	if (!strcmp(verb, "password"))
		*no = change_password(f, f->password, rest, fds);
	else if (!strcmp(verb, "view-password"))
		*no = change_password(f, f->view, rest, fds);
	else
		return false;
	return true;
}
