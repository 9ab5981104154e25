// The texts that are looked for, by their number, and the columns that have a role.

@inline export const PIECE_TAIL: usize = 0;
@inline export const PIECE_ID: usize = 1;
@inline export const PIECE_PREVIOUS: usize = 2;
@inline export const PIECE_DIGEST: usize = 3;
@inline export const PIECE_OPEN: usize = 4;
@inline export const PIECE_BETWEEN: usize = 5;
@inline export const PIECE_CLOSE: usize = 6;
@inline export const PIECE_SUBJECT: usize = 7;
@inline export const PIECE_CELL: usize = 8;
@inline export const PIECE_DOMAIN: usize = 9;
@inline export const PIECE_PATH: usize = 10;
@inline export const PIECE_TAU: usize = 11;
@inline export const PIECE_HEAD: usize = 12;

@inline export const ROLE_ID: usize = 0;
@inline export const ROLE_SEQ: usize = 1;
@inline export const ROLE_CELL: usize = 2;
@inline export const ROLE_DOMAIN: usize = 3;
@inline export const ROLE_PATH: usize = 4;
@inline export const ROLE_TAU: usize = 5;
@inline export const ROLE_SEALED: usize = 6;
@inline export const ROLE_BROADCAST: usize = 7;
@inline export const ROLE_WITNESS: usize = 8;
@inline export const ROLE_HASH: usize = 9;
@inline export const ROLE_QUINTET: usize = 10;
@inline export const ROLE_SUBJECT: usize = 11;
