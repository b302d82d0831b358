// Earlier major versions, installed under an alias: what the tests use of them has the types of the current one.
declare module 'express4' {
  import express from 'express'
  export default express
}
declare module 'koa2' {
  import Koa from 'koa'
  export default Koa
}
