// Which statements wait one after the other for requests that need nothing of each other.
//
// Run by Neve, not by a function, with --expose-internals for the parser that comes with Node. Standard input is a JSON list
// of files, standard output a list of the pairs of each: [[first line, last line] of the first statement, the same of the second].
//
// A pair is told only where it is sure: two neighbouring declarations, each an awaited `fetch` of one argument (a GET) or a
// function of the same file that does nothing else; the second uses no name that the first declares, and nothing that it uses is
// assigned anywhere in the file.
'use strict';
const fs = require('node:fs');
const acorn = require('internal/deps/acorn/acorn/dist/acorn');
const walk = require('internal/deps/acorn/acorn-walk/dist/walk');

const LARGEST_BYTES = 2 * 1024 * 1024;
const READERS = new Set(['text', 'json', 'arrayBuffer', 'blob', 'bytes']);
const DEEPEST = 4;

class File {
  #functions = new Map(); // name → its only function, or undefined when it has several meanings
  #declared = new Map(); // name → how often
  #assigned = new Set(); // names and properties

  constructor(tree) {
    this.tree = tree;
    walk.full(tree, (node) => this.#note(node));
  }

  /** The function that a name can only mean. */
  function(name) {
    return this.#declared.get(name) === 1 && !this.#assigned.has(name) ? this.#functions.get(name) : undefined;
  }

  isDeclared(name) {
    return this.#declared.has(name);
  }

  isAssigned(name) {
    return this.#assigned.has(name);
  }

  #note(node) {
    if (node.type === 'VariableDeclarator') {
      for (const name of namesOf(node.id) ?? []) this.#declare(name, isFunction(node.init) ? node.init : undefined);
    } else if (node.type === 'FunctionDeclaration') {
      if (node.id) this.#declare(node.id.name, node);
    } else if (node.type === 'ClassDeclaration' || node.type === 'ImportSpecifier' || node.type === 'ImportDefaultSpecifier') {
      if (node.local ?? node.id) this.#declare((node.local ?? node.id).name);
    } else if (node.type === 'AssignmentExpression') {
      this.#assign(node.left);
    } else if (node.type === 'UpdateExpression' || (node.type === 'UnaryExpression' && node.operator === 'delete')) {
      this.#assign(node.argument);
    } else if (node.type === 'ForInStatement' || node.type === 'ForOfStatement') {
      if (node.left.type !== 'VariableDeclaration') this.#assign(node.left);
    }
    if (isFunction(node)) for (const parameter of node.params) for (const name of namesOf(parameter) ?? []) this.#declare(name);
  }

  #declare(name, made) {
    this.#declared.set(name, (this.#declared.get(name) ?? 0) + 1);
    if (made) this.#functions.set(name, made);
  }

  #assign(target) {
    if (target.type === 'Identifier') this.#assigned.add(target.name);
    else if (target.type === 'MemberExpression') this.#assigned.add(target.computed ? '*' : target.property.name);
    else walk.full(target, (node) => node.type === 'Identifier' && this.#assigned.add(node.name));
  }
}

function pairsOf(name) {
  if (fs.statSync(name).size > LARGEST_BYTES) return [];
  const file = new File(parse(fs.readFileSync(name, 'utf8')));
  const pairs = [];
  walk.full(file.tree, (node) => {
    if (node.type !== 'BlockStatement' && node.type !== 'Program') return;
    for (let at = 0; at + 1 < node.body.length; at += 1) {
      const [first, second] = [node.body[at], node.body[at + 1]];
      const names = reads(first, file, new Set());
      if (names !== undefined && reads(second, file, names) !== undefined) pairs.push([linesOf(first), linesOf(second)]);
    }
  });
  return pairs;
}

/** The names that a statement declares, when all it does is to wait for a read that uses none of the `banned`. */
function reads(statement, file, banned) {
  if (statement.type !== 'VariableDeclaration' || statement.declarations.length !== 1) return undefined;
  const [{ id, init }] = statement.declarations;
  if (init?.type !== 'AwaitExpression' || !isRead(init, file, banned, DEEPEST)) return undefined;
  const names = namesOf(id);
  return names && new Set(names);
}

function isRead(node, file, banned, depth) {
  if (depth === 0) return false;
  if (node.type === 'AwaitExpression') return isRead(node.argument, file, banned, depth);
  if (node.type !== 'CallExpression' || node.optional) return false;
  const { callee, arguments: given } = node;
  if (callee.type === 'MemberExpression') {
    return !callee.computed && READERS.has(callee.property.name) && given.length === 0 && isRead(callee.object, file, banned, depth);
  }
  if (callee.type !== 'Identifier' || !given.every((each) => isValue(each, file, banned))) return false;
  if (callee.name === 'fetch') return given.length === 1 && !file.isDeclared('fetch') && !file.isAssigned('fetch');
  const called = file.function(callee.name);
  if (called === undefined || called.generator || !called.params.every((each) => each.type === 'Identifier')) return false;
  const result = resultOf(called.body);
  return result !== undefined && isRead(result, file, banned, depth - 1);
}

/** What a function gives, when that is all it does. */
function resultOf(body) {
  if (body.type !== 'BlockStatement') return body;
  const [only, ...more] = body.body;
  return more.length === 0 && only?.type === 'ReturnStatement' ? (only.argument ?? undefined) : undefined;
}

/** Whether it can be computed before the first statement as well as after it. */
function isValue(node, file, banned) {
  switch (node.type) {
    case 'Literal':
      return true;
    case 'TemplateLiteral':
      return node.expressions.every((each) => isValue(each, file, banned));
    case 'BinaryExpression':
      return isValue(node.left, file, banned) && isValue(node.right, file, banned);
    case 'Identifier':
      return !banned.has(node.name) && !file.isAssigned(node.name);
    case 'MemberExpression':
      return !node.computed && !file.isAssigned(node.property.name) && !file.isAssigned('*') && isValue(node.object, file, banned);
    default:
      return false;
  }
}

function isFunction(node) {
  return /^(?:Arrow)?Function/.test(node?.type ?? '');
}

/** The names of a pattern; undefined when it computes something. */
function namesOf(pattern) {
  switch (pattern?.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return joined(pattern.properties.map((each) => (each.computed ? undefined : namesOf(each.value ?? each.argument))));
    case 'ArrayPattern':
      return joined(pattern.elements.map((each) => (each === null ? [] : namesOf(each))));
    case 'RestElement':
      return namesOf(pattern.argument);
    default:
      return undefined;
  }
}

function joined(lists) {
  return lists.includes(undefined) ? undefined : lists.flat();
}

function parse(text) {
  const options = { ecmaVersion: 'latest', locations: true, allowHashBang: true, allowReturnOutsideFunction: true };
  try {
    return acorn.parse(text, { ...options, sourceType: 'module' });
  } catch {
    return acorn.parse(text, { ...options, sourceType: 'script' });
  }
}

function linesOf({ loc }) {
  return [loc.start.line, loc.end.line];
}

function tried(name) {
  try {
    return pairsOf(name);
  } catch {
    return []; // no JavaScript, or none that this parser knows
  }
}

process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(tried)));
