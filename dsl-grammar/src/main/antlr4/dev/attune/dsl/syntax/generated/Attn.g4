// The language of .attn files. docs/language.md explains it with examples.
//
// Line ends mean nothing: every declaration starts with a keyword, and no expression does, but
// `score`, `if`, `not`, `sum`, `any`, `int`, `float`, `true` and `false`.
grammar Attn;

@lexer::members {
  /** Whether the "//" at the start of the current token divides; otherwise it starts a comment. */
  public java.util.function.IntPredicate dividesAt = index -> false;

  private boolean divides() {
    return dividesAt.test(_tokenStartCharIndex);
  }
}

module : item* EOF ;

item : importItem | constant | let | definition | attention ;

importItem : IMPORT name ;
constant : CONST name (COLON type)? ASSIGN expression ;
let : LET name ASSIGN expression ;
definition : DEF name LPAREN (formal (COMMA formal)*)? RPAREN (COLON type)? ASSIGN expression ;
formal : name COLON type ;

attention : ATTENTION name LBRACE member* RBRACE ;

member
  : param | tensor | constant | let | definition | clause
  | output | dtype | headDim | instances
  ;

param : PARAM name COLON type (ASSIGN expression)? (WHERE expression)? ;
tensor
  : TENSOR name COLON type LBRACKET expression (COMMA expression)* RBRACKET
    (WHERE fact (AND fact)*)? DIFFERENTIABLE?
  ;
fact : NONDECREASING | IN sum DOTS sum ;
clause : (SCORE | MASK | SINK | WEIGHT) ASSIGN expression ;
output : OUTPUT name (COMMA name)* ;
dtype : DTYPE name ;
headDim : HEAD_DIM widths ;
widths : sum (COMMA sum)? ;
instances : INSTANCES LBRACE (instance SEMICOLON?)* RBRACE ;
instance : name widths ;

// Expressions, loosest first. Comparisons chain: a <= b < c is a <= b and b < c.
expression
  : IF expression THEN expression ELSE expression
  | disjunction
  ;
disjunction : conjunction (OR conjunction)* ;
conjunction : negation (AND negation)* ;
negation : NOT negation | comparison ;
comparison : bitOr ((LT | LE | GT | GE | EQ | NE) bitOr)* ;
bitOr : bitXor (BAR bitXor)* ;
bitXor : bitAnd (CARET bitAnd)* ;
bitAnd : shift (AMP shift)* ;
shift : sum ((SHL | SHR) sum)* ;
sum : product ((PLUS | MINUS) product)* ;
product : unary ((STAR | SLASH | FLOOR_DIV | PERCENT) unary)* ;
unary : (MINUS | TILDE) unary | moved ;
moved : primary (AT LPAREN move (COMMA move)* RPAREN)* ;
move : name ASSIGN expression ;
primary
  : INTEGER
  | REAL
  | TRUE
  | FALSE
  | SCORE
  | LPAREN expression RPAREN
  | (INT | FLOAT) LPAREN expression RPAREN
  | (SUM | ANY) LPAREN name IN sum DOTS sum COLON expression RPAREN
  | name (arguments | indices)?
  ;
arguments : LPAREN (expression (COMMA expression)*)? RPAREN ;
indices : LBRACKET expression (COMMA expression)* RBRACKET ;

type : INT | FLOAT | BOOL ;
name : IDENTIFIER ;

ATTENTION : 'attention' ;
IMPORT : 'import' ;
CONST : 'const' ;
LET : 'let' ;
DEF : 'def' ;
PARAM : 'param' ;
TENSOR : 'tensor' ;
SCORE : 'score' ;
MASK : 'mask' ;
SINK : 'sink' ;
WEIGHT : 'weight' ;
OUTPUT : 'output' ;
DTYPE : 'dtype' ;
HEAD_DIM : 'head_dim' ;
INSTANCES : 'instances' ;
WHERE : 'where' ;
NONDECREASING : 'nondecreasing' ;
DIFFERENTIABLE : 'differentiable' ;
IN : 'in' ;
IF : 'if' ;
THEN : 'then' ;
ELSE : 'else' ;
AND : 'and' ;
OR : 'or' ;
NOT : 'not' ;
AT : 'at' ;
TRUE : 'true' ;
FALSE : 'false' ;
SUM : 'sum' ;
ANY : 'any' ;
INT : 'int' ;
FLOAT : 'float' ;
BOOL : 'bool' ;

LBRACE : '{' ;
RBRACE : '}' ;
LPAREN : '(' ;
RPAREN : ')' ;
LBRACKET : '[' ;
RBRACKET : ']' ;
COLON : ':' ;
SEMICOLON : ';' ;
COMMA : ',' ;
ASSIGN : '=' ;
DOTS : '..' ;
LT : '<' ;
LE : '<=' ;
GT : '>' ;
GE : '>=' ;
EQ : '==' ;
NE : '!=' ;
SHL : '<<' ;
SHR : '>>' ;
BAR : '|' ;
CARET : '^' ;
AMP : '&' ;
PLUS : '+' ;
MINUS : '-' ;
STAR : '*' ;
SLASH : '/' ;
PERCENT : '%' ;
TILDE : '~' ;

FLOOR_DIV : '//' {divides()}? ;
COMMENT : '//' {!divides()}? ~[\r\n]* -> channel(HIDDEN) ;

REAL : DIGITS '.' DIGITS EXPONENT? | DIGITS EXPONENT ;
INTEGER : DIGITS | '0' [xX] [0-9a-fA-F]+ ;
IDENTIFIER : [A-Za-z_] [A-Za-z0-9_]* ;
BLANK : [ \t\r\n\f]+ -> channel(HIDDEN) ;

// Whatever nothing else accepts; reported before parsing, so the lexer itself never fails.
UNKNOWN : . ;

fragment DIGITS : [0-9]+ ('_' [0-9]+)* ;
fragment EXPONENT : [eE] [+-]? [0-9]+ ;
