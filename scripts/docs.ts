/** `npm run docs`: writes every document that is generated. Each generator is a script of its own that writes when it is loaded. */
import './generate-configuration-docs.ts';
import './generate-conformance.ts';
