/* SPDX-License-Identifier: Apache-2.0 */
#include "record/history.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/enum.h"
#include "core/library.h"

#define VERSION "1" /* of the tables: PRAGMA user_version */
#define WAIT_MS 2000 /* for another process that writes */

#define SQLITE_API_OF(X, api)            \
	X(api, sqlite3_open_v2)          \
	X(api, sqlite3_close)            \
	X(api, sqlite3_busy_timeout)     \
	X(api, sqlite3_exec)             \
	X(api, sqlite3_errmsg)           \
	X(api, sqlite3_prepare_v2)       \
	X(api, sqlite3_bind_text)        \
	X(api, sqlite3_bind_int64)       \
	X(api, sqlite3_bind_double)      \
	X(api, sqlite3_step)             \
	X(api, sqlite3_column_text)      \
	X(api, sqlite3_column_int64)     \
	X(api, sqlite3_column_double)    \
	X(api, sqlite3_finalize)

struct sqlite_api {
	SQLITE_API_OF(LIBRARY_MEMBER, struct sqlite_api)
};

struct history_index {
	struct sqlite_api api;
	sqlite3 *db;
};

/* ---- the file ---- */

static int load(struct history_index *x, struct err *e)
{
	static const struct library_symbol symbols[] = {
	        SQLITE_API_OF(LIBRARY_SYMBOL, struct sqlite_api)};
	static const struct library sqlite = {
	        .package = "libsqlite3-0",
	        .names = {"libsqlite3.so.0"},
	        .symbols = symbols,
	        .symbols_count = COUNT_OF(symbols),
	};

	return library_load(&sqlite, &x->api, e);
}

static bool run(struct history_index *x, const char *sql)
{
	return x->api.sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool is_of_today(struct history_index *x)
{
	sqlite3_stmt *s = NULL;
	bool same = x->api.sqlite3_prepare_v2(x->db, "PRAGMA user_version", -1, &s, NULL) ==
	                    SQLITE_OK &&
	            x->api.sqlite3_step(s) == SQLITE_ROW &&
	            x->api.sqlite3_column_int64(s, 0) == atoi(VERSION);

	x->api.sqlite3_finalize(s);
	return same && run(x, "SELECT path, stamp, id, started FROM run LIMIT 0;"
	                      "SELECT path, cell, platform, outcome, grade, kvm, seconds, retried, "
	                      "reason FROM cell LIMIT 0");
}

static bool make_tables(struct history_index *x)
{
	return run(x, "BEGIN; DROP TABLE IF EXISTS run; DROP TABLE IF EXISTS cell;"
	              "CREATE TABLE run(path TEXT PRIMARY KEY, stamp TEXT, id TEXT, started INTEGER);"
	              "CREATE TABLE cell(path TEXT, cell TEXT, platform TEXT, outcome TEXT, "
	              "grade TEXT, kvm TEXT, seconds REAL, retried INTEGER, reason TEXT, "
	              "PRIMARY KEY(path, cell));"
	              "PRAGMA user_version = " VERSION "; COMMIT");
}

static bool open_file(struct history_index *x, const char *path)
{
	if (x->api.sqlite3_open_v2(path, &x->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) !=
	    SQLITE_OK)
		return false;
	x->api.sqlite3_busy_timeout(x->db, WAIT_MS);
	return is_of_today(x) || make_tables(x);
}

/* Whatever it is else: it can be made anew. */
static bool is_damaged(const char *path)
{
	static const char magic[] = "SQLite format 3";
	char begin[sizeof(magic)] = "";
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	size_t n = f ? fread(begin, 1, sizeof(begin), f) : 0;

	return n && (n < sizeof(magic) || memcmp(begin, magic, sizeof(magic)) == 0);
}

int history_index_open(const char *path, struct history_index **ret, struct err *e)
{
	struct history_index *x = calloc(1, sizeof(*x));
	int r = x ? load(x, e) : err_nomem(e);

	if (r == 0 && !open_file(x, path)) {
		/* Only what was an index is thrown away, not a file that somebody named by mistake. */
		x->api.sqlite3_close(TAKE_PTR(x->db));
		if (!is_damaged(path) || unlink(path) < 0 || !open_file(x, path))
			r = err_set(e, -EIO, "%s: %s", path,
			            x->db ? x->api.sqlite3_errmsg(x->db) : "no index");
	}
	if (r < 0)
		history_index_free(x);
	else
		*ret = x;
	return r;
}

void history_index_free(struct history_index *x)
{
	if (x && x->db)
		x->api.sqlite3_close(x->db);
	free(x);
}

/* ---- reading ---- */

static sqlite3_stmt *prepare(struct history_index *x, const char *sql, const char *path)
{
	sqlite3_stmt *s = NULL;

	if (x->api.sqlite3_prepare_v2(x->db, sql, -1, &s, NULL) == SQLITE_OK)
		x->api.sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC);
	return s;
}

static void take(struct history_index *x, sqlite3_stmt *s, int column, char *out, size_t size)
{
	const char *text = (const char *)x->api.sqlite3_column_text(s, column);

	snprintf(out, size, "%s", text ? text : "");
}

static bool has(struct history_index *x, const char *path, const char *stamp,
                struct history_row *row)
{
	sqlite3_stmt *s =
	        prepare(x, "SELECT id, started FROM run WHERE path = ?1 AND stamp = ?2", path);
	bool found;

	if (!s)
		return false;
	x->api.sqlite3_bind_text(s, 2, stamp, -1, SQLITE_STATIC);
	found = x->api.sqlite3_step(s) == SQLITE_ROW;
	if (found) {
		take(x, s, 0, row->run, sizeof(row->run));
		row->started = x->api.sqlite3_column_int64(s, 1);
	}
	x->api.sqlite3_finalize(s);
	return found;
}

int history_index_find(struct history_index *x, const char *path, const char *stamp,
                       history_fn each, void *userdata)
{
	struct history_row row = {.run = ""};
	sqlite3_stmt *s;
	int step = SQLITE_DONE, r = 0;

	if (!has(x, path, stamp, &row))
		return 0;
	s = prepare(x, "SELECT cell, platform, outcome, grade, kvm, seconds, retried, reason "
	               "FROM cell WHERE path = ?1 ORDER BY rowid", path);
	while (s && r == 0 && (step = x->api.sqlite3_step(s)) == SQLITE_ROW) {
		take(x, s, 0, row.cell, sizeof(row.cell));
		take(x, s, 1, row.platform, sizeof(row.platform));
		take(x, s, 2, row.outcome, sizeof(row.outcome));
		take(x, s, 3, row.grade, sizeof(row.grade));
		take(x, s, 4, row.kvm, sizeof(row.kvm));
		row.seconds = x->api.sqlite3_column_double(s, 5);
		row.retried = x->api.sqlite3_column_int64(s, 6) != 0;
		take(x, s, 7, row.reason, sizeof(row.reason));
		r = each(userdata, &row);
	}
	x->api.sqlite3_finalize(s);
	return r < 0 ? r : s != NULL;
}

/* ---- writing ---- */

static bool finish(struct history_index *x, sqlite3_stmt *s)
{
	bool done = s && x->api.sqlite3_step(s) == SQLITE_DONE;

	x->api.sqlite3_finalize(s);
	return done;
}

static bool put_cell(struct history_index *x, const char *path, const struct history_row *row)
{
	const char *const text[] = {row->cell, row->platform, row->outcome, row->grade, row->kvm};
	sqlite3_stmt *s = prepare(
	        x, "INSERT OR REPLACE INTO cell VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", path);

	for (int i = 0; s && i < 5; i++)
		x->api.sqlite3_bind_text(s, 2 + i, text[i], -1, SQLITE_STATIC);
	if (s) {
		x->api.sqlite3_bind_double(s, 7, row->seconds);
		x->api.sqlite3_bind_int64(s, 8, row->retried);
		x->api.sqlite3_bind_text(s, 9, row->reason, -1, SQLITE_STATIC);
	}
	return finish(x, s);
}

static bool put_run(struct history_index *x, const char *path, const char *stamp,
                    const struct history_row *row)
{
	sqlite3_stmt *s = prepare(x, "INSERT OR REPLACE INTO run VALUES(?1, ?2, ?3, ?4)", path);

	if (s) {
		x->api.sqlite3_bind_text(s, 2, stamp, -1, SQLITE_STATIC);
		x->api.sqlite3_bind_text(s, 3, row->run, -1, SQLITE_STATIC);
		x->api.sqlite3_bind_int64(s, 4, row->started);
	}
	return finish(x, s);
}

void history_index_put(struct history_index *x, const char *path, const char *stamp,
                       const struct history_row *row, size_t rows)
{
	bool good = rows > 0 && run(x, "BEGIN IMMEDIATE");

	if (!good)
		return;
	good = finish(x, prepare(x, "DELETE FROM cell WHERE path = ?1", path)) &&
	       put_run(x, path, stamp, row);
	for (size_t i = 0; good && i < rows; i++)
		good = put_cell(x, path, &row[i]);
	run(x, good ? "COMMIT" : "ROLLBACK");
}
