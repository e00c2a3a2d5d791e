export { counted } from '../contracts/sentences.js';
