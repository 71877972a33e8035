/*
 * Lontar: users, sessions, chat history, subjects and books of a school in PostgreSQL.
 *
 * database.h is the DatabaseManager: a pool of connections, queries with named parameters, transactions. repository.h
 * has the operations on the five kinds of records. The library never logs and never exits. See lontar(3).
 */
#ifndef LONTAR_LONTAR_H
#define LONTAR_LONTAR_H

#include <lontar/database.h>
#include <lontar/error.h>
#include <lontar/repository.h>

#endif
